import { randomUUID } from "node:crypto";
import type { RpcClient } from "@edvoyage/client-sdk/rpc";
import { describe, expect, test } from "vitest";
import { DIALECTS, type TestDialect } from "../../support/databases/databases.ts";
import { createUniversityList, NAMESAKE } from "../../support/fakes/made-up-universities.ts";
import { createWorld, expectRefusal, type World } from "../../support/servers/world.ts";

const BATCH_ENTRIES = 200;
const COURSES_PER_UNIVERSITY = 5;

describe.each(DIALECTS)("the sample catalogue, on %s", (dialect) => {
  test("has 200 universities in 50 countries, each with courses that are marked as samples", async () => {
    const { rpc } = await createSeededWorld(dialect);

    const universities = await allUniversities(rpc());
    const courses = await allCourses(rpc());

    expect(universities.length).toBeGreaterThanOrEqual(200);
    expect(new Set(universities.map(({ country }) => country)).size).toBeGreaterThanOrEqual(50);
    expect(courses).toHaveLength(universities.length * COURSES_PER_UNIVERSITY);
    expect(new Set(courses.map(({ universityId }) => universityId)).size).toBe(universities.length);
    expect(courses.filter(({ isSample }) => !isSample)).toEqual([]);
  });

  test("exists once, however often it is added", async () => {
    const { rpc, server, admin } = await createSeededWorld(dialect);
    const { universities } = await admin.admin.status.query();

    expect(await server.seedIfEmpty()).toBe(0);
    expect(await admin.admin.seed.run.mutate()).toEqual({ universities: 0, courses: 0 });

    expect(await admin.admin.status.query()).toMatchObject({ universities });
    expect(await allUniversities(rpc())).toHaveLength(universities);
    expect(await allCourses(rpc())).toHaveLength(universities * COURSES_PER_UNIVERSITY);
  });

  test("returns a university and a course by its id", async () => {
    const { rpc } = await createSeededWorld(dialect);
    const {
      items: [university],
    } = await rpc().universities.list.query({ query: "University of Oxford" });
    const {
      items: [course],
    } = await rpc().courses.list.query({ universityId: university?.id ?? "" });

    expect(university).toMatchObject({
      name: "University of Oxford",
      country: "GB",
      countryName: "United Kingdom",
      city: "Oxford",
      region: null,
      website: "https://www.ox.ac.uk/",
      domains: ["ox.ac.uk"],
    });
    expect(await rpc().universities.get.query({ id: university?.id ?? "" })).toEqual(university);
    expect(course).toMatchObject({ universityName: "University of Oxford", country: "GB", isSample: true });
    expect(await rpc().courses.get.query({ id: course?.id ?? "" })).toEqual(course);
  });

  test("returns nothing for an unknown id", async () => {
    const { rpc } = await createSeededWorld(dialect);

    for (const id of ["01990000-0000-7000-8000-000000000000", "%", "x' or '1'='1", "__proto__"]) {
      await expectRefusal(rpc().universities.get.query({ id }), "not-found");
      await expectRefusal(rpc().courses.get.query({ id }), "not-found");
      expect((await rpc().courses.list.query({ universityId: id })).items).toHaveLength(0);
    }
  });

  test("returns no courses for an empty university id", async () => {
    const { rpc } = await createSeededWorld(dialect);

    expect((await rpc().courses.list.query({ universityId: "" })).items).toHaveLength(0);
  });
});

describe.each(DIALECTS)("a search, on %s", (dialect) => {
  test("ignores case and accents", async () => {
    const { rpc } = await createSeededWorld(dialect);
    const cases: readonly [string, readonly string[]][] = [
      ["Universidade de São Paulo", ["sao paulo", "SÃO PAULO", "são paulo", "Sa\u0303o Paulo", "SAO-PAULO"]],
      ["Technische Universität München", ["technische munchen", "TECHNISCHE MÜNCHEN", "münchen Technische"]],
      ["Boğaziçi University", ["bogazici", "BOĞAZİÇİ", "boğaziçi"]],
      ["King's College London", ["kings college", "KING'S COLLEGE", "king’s college"]],
      ["Eötvös Loránd University", ["eotvos lorand", "EÖTVÖS"]],
    ];

    for (const [name, queries] of cases)
      for (const query of queries) expect(await namesFound(rpc(), query), query).toEqual([name]);
  });

  test("covers names, cities and web addresses, and requires every word", async () => {
    const { rpc } = await createSeededWorld(dialect);

    expect(await namesFound(rpc(), "Technology Zürich")).toEqual([]);
    expect(await namesFound(rpc(), "eth zurich")).toEqual(["ETH Zürich"]);
    expect(await namesFound(rpc(), "zurich")).toEqual(["ETH Zürich", "University of Zurich"]);
    expect(await namesFound(rpc(), "cambridge technology")).toEqual([
      "Massachusetts Institute of Technology",
    ]);
    expect(await namesFound(rpc(), "mit")).toEqual(["Massachusetts Institute of Technology"]);
  });

  test("matches the beginning of words, but not their middle", async () => {
    const { rpc } = await createSeededWorld(dialect);

    expect(await namesFound(rpc(), "oxf")).toEqual(["University of Oxford"]);
    expect(await namesFound(rpc(), "univ oxf")).toEqual(["University of Oxford"]);
    expect(await namesFound(rpc(), "xford")).toEqual([]);
  });

  test("treats no character as a wildcard or as SQL", async () => {
    const { rpc } = await createSeededWorld(dialect);

    for (const query of ["oxf*", "oxford\\", "'oxford'", "(oxford)", "oxford;--"])
      expect(await namesFound(rpc(), query), query).toEqual(["University of Oxford"]);
    for (const query of ["%xford", "_xford", "ox%ord", "oxf_rd", "oxford' or '1'='1", "oxford\u0000x"])
      expect(await namesFound(rpc(), query), query).toEqual([]);
  });

  test.each(["GB", "gb", "United Kingdom", "united kingdom", " United  Kingdom "])(
    "finds the universities and courses of a country that is written %j",
    async (country) => {
      const { rpc } = await createSeededWorld(dialect);

      const universities = await allUniversities(rpc(), { country });
      const courses = await allCourses(rpc(), { country });

      expect(universities.map(({ name }) => name)).toContain("University of Oxford");
      expect(new Set(universities.map(({ country: code }) => code))).toEqual(new Set(["GB"]));
      expect(courses).toHaveLength(universities.length * COURSES_PER_UNIVERSITY);
      expect(new Set(courses.map(({ country: code }) => code))).toEqual(new Set(["GB"]));
    },
  );

  test("finds the same by a country's name as by its code", async () => {
    const { rpc } = await createSeededWorld(dialect);
    const names = new Map(
      (await allUniversities(rpc())).map(({ country, countryName }) => [countryName, country]),
    );

    const differingNames: string[] = [];
    for (const [name, code] of names) {
      const [byName, byCode] = await Promise.all(
        [name, code].map((country) => allUniversities(rpc(), { country })),
      );
      if (JSON.stringify(byName) !== JSON.stringify(byCode)) differingNames.push(name);
    }

    expect(names.size).toBeGreaterThanOrEqual(50);
    expect(differingNames).toEqual([]);
  });

  test("combines a country with words", async () => {
    const { rpc } = await createSeededWorld(dialect);

    expect(await namesFound(rpc(), "cambridge", "GB")).toEqual(["University of Cambridge"]);
    expect(await namesFound(rpc(), "cambridge", "US")).toEqual([
      "Harvard University",
      "Massachusetts Institute of Technology",
    ]);
  });

  test.each(["Atlantis", "XX", "", "%", "GBR", "G"])(
    "rejects %j as a country with input/invalid",
    async (country) => {
      const { rpc } = await createWorld({ dialect });

      await expectRefusal(rpc().universities.list.query({ country }), "input/invalid");
      await expectRefusal(rpc().courses.list.query({ country }), "input/invalid");
    },
  );

  test("filters courses by level, by university, by words, and by all of them together", async () => {
    const { rpc } = await createSeededWorld(dialect);
    const {
      items: [oxford],
    } = await rpc().universities.list.query({ query: "oxford" });
    const universityId = oxford?.id ?? "";
    const all = await allCourses(rpc());
    const ofOxford = all.filter((course) => course.universityId === universityId);

    const doctorates = await allCourses(rpc(), { level: "doctorate" });
    expect(doctorates).toEqual(all.filter(({ level }) => level === "doctorate"));
    expect(doctorates).toHaveLength(all.length / COURSES_PER_UNIVERSITY);
    expect(await allCourses(rpc(), { universityId })).toEqual(ofOxford);
    expect(await allCourses(rpc(), { query: "OXF" })).toEqual(ofOxford);
    const [first] = ofOxford;
    expect(
      await allCourses(rpc(), { query: `${first?.subject} oxford`, universityId, level: first?.level }),
    ).toEqual(ofOxford.filter(({ subject, level }) => subject === first?.subject && level === first?.level));
    expect(await allCourses(rpc(), { universityId, country: "US" })).toEqual([]);
  });

  test("rejects an unknown level and a query that is too long", async () => {
    const { rpc, url } = await createSeededWorld(dialect);

    const response = await fetch(
      `${url}/trpc/courses.list?input=${encodeURIComponent('{"level":"kindergarten"}')}`,
    );

    expect(await response.json()).toMatchObject({ error: { data: { reason: "input/invalid" } } });
    await expectRefusal(rpc().universities.list.query({ query: "x".repeat(101) }), "input/invalid");
    expect(await namesFound(rpc(), "ﷺ".repeat(100))).toEqual([]);
  });
});

describe.each(DIALECTS)("a list with pages, on %s", (dialect) => {
  test.each([1, 7, 100])("returns every item once and in order, %i per page", async (limit) => {
    const { rpc } = await createSeededWorld(dialect);
    // Pages of one item are many, so they list only a few universities.
    const filter = limit === 1 ? { query: "technology" } : {};

    const pages = await pagesOf((cursor) => rpc().universities.list.query({ ...filter, cursor, limit }));

    const ids = pages.flat().map(({ id }) => id);
    expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
    expect(pages.flat()).toEqual(await allUniversities(rpc(), filter));
    expect(ids.length).toBeGreaterThan(limit);
  });

  test("returns every course once, although many share a title", async () => {
    const { rpc } = await createSeededWorld(dialect);

    const courses = (await pagesOf((cursor) => rpc().courses.list.query({ cursor, limit: 13 }))).flat();

    expect(new Set(courses.map(({ title }) => title)).size).toBeLessThan(courses.length);
    expect(new Set(courses.map(({ id }) => id)).size).toBe(courses.length);
    expect(courses).toEqual(await allCourses(rpc()));
  });

  test("has 20 items per page by default, and its last page has no next cursor", async () => {
    const { rpc } = await createSeededWorld(dialect);

    expect((await rpc().universities.list.query()).items).toHaveLength(20);
    expect((await rpc().courses.list.query()).items).toHaveLength(20);
    expect(await rpc().universities.list.query({ query: "oxford" })).toMatchObject({ nextCursor: null });
    expect(await rpc().universities.list.query({ query: "zurich", limit: 2 })).toMatchObject({
      nextCursor: null,
    });
  });

  test.each([0, 101, -1, 1.5])("rejects a limit of %d", async (limit) => {
    const { rpc } = await createWorld({ dialect });

    await expectRefusal(rpc().universities.list.query({ limit }), "input/invalid");
    await expectRefusal(rpc().courses.list.query({ limit }), "input/invalid");
  });

  test.each([
    ["words", "next page please"],
    ["empty", ""],
    ["no JSON", cursorOf("[")],
    ["a number", cursorOf("5")],
    ["an object", cursorOf('{"0": "a", "1": "b"}')],
    ["too short", cursorOf('["oxford"]')],
    ["too long", cursorOf('["oxford", "id", "more"]')],
    ["of wrong types", cursorOf("[1, 2]")],
    ["with an object inside", cursorOf('[{"toString": 1}, "id"]')],
    ["over the length limit", cursorOf(JSON.stringify(["x".repeat(1_000), "id"]))],
  ])("rejects a cursor that is %s", async (_what, cursor) => {
    const { rpc } = await createWorld({ dialect });

    await expectRefusal(rpc().universities.list.query({ cursor }), "input/invalid");
    await expectRefusal(rpc().courses.list.query({ cursor }), "input/invalid");
  });

  test("rejects a cursor with a null character", async () => {
    const { rpc } = await createSeededWorld(dialect);
    const cursor = cursorOf(JSON.stringify(["\u0000", "\u0000"]));

    await expectRefusal(rpc().universities.list.query({ cursor }), "input/invalid");
    await expectRefusal(rpc().courses.list.query({ cursor }), "input/invalid");
  });

  test("rejects the cursor of another list", async () => {
    const { rpc, admin, device } = await createSeededWorld(dialect);
    await device().signIn();
    await device().signIn();
    const [sessions, universities] = await Promise.all([
      admin.admin.sessions.list.query({ limit: 1 }),
      rpc().universities.list.query({ limit: 1 }),
    ]);

    await expectRefusal(rpc().universities.list.query({ cursor: sessions.nextCursor }), "input/invalid");
    await expectRefusal(rpc().courses.list.query({ cursor: universities.nextCursor }), "input/invalid");
  });
});

describe("each list of the catalogue", () => {
  // Needs PostgreSQL; postgres.setup.ts prints what was skipped on a machine without one.
  test.skipIf(DIALECTS.length < 2)("has the same order on both databases", async () => {
    const lists = await Promise.all(
      DIALECTS.map(async (dialect) => {
        const world = await createSeededWorld(dialect);
        await importEntries(world, NAMES_THAT_COLLATIONS_REORDER);
        return {
          universities: (await allUniversities(world.rpc())).map(({ name }) => name),
          courses: (await allCourses(world.rpc())).map(({ title }) => title),
        };
      }),
    );

    const [first, second] = lists;
    expect(second?.universities).toEqual(first?.universities);
    expect(second?.courses).toEqual(first?.courses);
    expect(first?.universities.slice(0, 5)).toEqual([
      "10th Academy",
      "1st Academy",
      "a b Academy",
      "a-c Academy",
      "Aalto University",
    ]);
  });

  /** Names that linguistic collations sort differently from byte order. */
  const NAMES_THAT_COLLATIONS_REORDER = [
    "a b",
    "ab",
    "a-c",
    "Ångström",
    "Zürich",
    "Łódź",
    "Əliyev",
    "Αθήνα",
    "Москва",
    "東京大学",
    "한국",
    "😀 x",
    "1st",
    "10th",
  ].map((name) => ({
    name: `${name} Academy`,
    alpha_two_code: "CH",
    domains: [`${Buffer.from(name).toString("hex")}.ch`],
  }));
});

describe.each(DIALECTS)("an import, on %s", (dialect) => {
  test("creates each university of a list with repeats once, and changes nothing when it runs again", async () => {
    const world = await createWorld({ dialect });
    const { entries, repeats } = createUniversityList(650);
    const skipped = [...repeats].map(([index, repeated]) => ({
      index,
      name: entries[index]?.name,
      reason: `the same university as "${entries[repeated]?.name}" earlier in this import`,
    }));
    const created = entries.length - repeats.size;

    const first = await importEntries(world, entries);
    const before = await allUniversities(world.rpc());
    const second = await importEntries(world, entries);

    expect(repeats.size).toBeGreaterThan(30);
    expect(first).toEqual({ created, updated: 0, unchanged: 0, skipped });
    expect(second).toEqual({ created: 0, updated: 0, unchanged: created, skipped });
    expect(await allUniversities(world.rpc())).toEqual(before);
    expect(before).toHaveLength(created);
    expect(new Set(before.map(({ name, country }) => `${country} ${name}`)).size).toBe(created);
    expect(await world.admin.admin.status.query()).toMatchObject({ universities: created });
    expect(await namesFound(world.rpc(), "hortensia IMAGINARIA")).toEqual([NAMESAKE, NAMESAKE]);
    expect(await namesFound(world.rpc(), "hortensia IMAGINARIA", "Brazil")).toEqual([NAMESAKE]);
  });

  test("recognises an entry that it already has by country and name or by domain", async () => {
    const world = await createWorld({ dialect });

    const report = await importEntries(world, [
      { name: "Academy of Things", alpha_two_code: "CH", domains: ["things.ch"] },
      { name: "ACADEMY of  Thíngs", alpha_two_code: "ch", domains: ["other.ch"] },
      { name: "Things Academy", alpha_two_code: "CH", domains: ["things.ch"] },
      { name: "Academy of Things", alpha_two_code: "DE", domains: ["things.de"] },
    ]);

    const reason = 'the same university as "Academy of Things" earlier in this import';
    expect(report).toEqual({
      created: 2,
      updated: 0,
      unchanged: 0,
      skipped: [
        { index: 1, name: "ACADEMY of Thíngs", reason },
        { index: 2, name: "Things Academy", reason },
      ],
    });
  });

  test("changes nothing when it runs again with a duplicate domain whose name another entry has", async () => {
    const world = await createWorld({ dialect });
    const entries = [
      { name: "Academy of Things", alpha_two_code: "CH", domains: ["things.ch"] },
      { name: "Academy of Arts", alpha_two_code: "CH", domains: ["things.ch"] },
      { name: "Academy of Arts", alpha_two_code: "CH", domains: ["arts.ch"] },
    ];

    const first = await importEntries(world, entries);
    const before = await allUniversities(world.rpc());
    const second = await importEntries(world, entries);

    expect(first).toMatchObject({ created: 2, skipped: [{ index: 1 }] });
    expect(second).toMatchObject({ created: 0, updated: 0, unchanged: 2, skipped: [{ index: 1 }] });
    expect(await allUniversities(world.rpc())).toEqual(before);
  });

  test("adds missing values, and keeps values that the new entry leaves out", async () => {
    const world = await createWorld({ dialect });
    const academy = { name: "Academy of Things", alpha_two_code: "CH" };
    await importEntries(world, [
      { ...academy, domains: ["things.ch"], web_pages: ["https://www.things.ch/"] },
    ]);
    const [created] = await allUniversities(world.rpc());

    const completed = await importEntries(world, [{ ...academy, city: "Bern" }]);
    const repeated = await importEntries(world, [{ ...academy, city: null, domains: [], web_pages: null }]);

    expect(completed).toMatchObject({ created: 0, updated: 1 });
    expect(repeated).toMatchObject({ created: 0, updated: 0, unchanged: 1 });
    expect(await allUniversities(world.rpc())).toEqual([{ ...created, city: "Bern" }]);
    expect(await namesFound(world.rpc(), "academy bern")).toEqual(["Academy of Things"]);
  });

  test("keeps the domain among the search words when a later entry leaves it out", async () => {
    const world = await createWorld({ dialect });
    const academy = { name: "Academy of Things", alpha_two_code: "CH" };
    await importEntries(world, [{ ...academy, domains: ["aot.ch"] }]);
    expect(await namesFound(world.rpc(), "aot")).toEqual(["Academy of Things"]);

    await importEntries(world, [academy]);

    expect(await namesFound(world.rpc(), "aot")).toEqual(["Academy of Things"]);
  });

  test("makes a university findable by the name in its web address, but not by its subdomain", async () => {
    const world = await createWorld({ dialect });

    await importEntries(world, [
      { name: "Academy of Things", alpha_two_code: "CH", domains: ["student.aot.ac.ch"] },
      { name: "Academy of Arts", alpha_two_code: "CH", web_pages: ["https://home.aoa.ch/"] },
    ]);

    expect(await namesFound(world.rpc(), "aot")).toEqual(["Academy of Things"]);
    expect(await namesFound(world.rpc(), "aoa")).toEqual(["Academy of Arts"]);
  });

  test("accepts null and missing fields", async () => {
    const world = await createWorld({ dialect });
    const nothing = { city: null, "state-province": null, domains: null, web_pages: null };

    const report = await importEntries(world, [
      { name: "Academy of Things", alpha_two_code: "CH", ...nothing },
      { name: "Academy of Arts", alpha_two_code: "CH" },
    ]);

    expect(report).toMatchObject({ created: 2, skipped: [] });
    expect(await world.rpc().universities.list.query({ query: "things" })).toMatchObject({
      items: [{ name: "Academy of Things", city: null, region: null, website: null, domains: [] }],
    });
  });

  test("skips bad entries with their index and a reason, and keeps the good entries between them", async () => {
    const world = await createWorld({ dialect });
    const bad: readonly unknown[] = [
      { alpha_two_code: "CH" },
      { name: null, alpha_two_code: "CH" },
      { name: "", alpha_two_code: "CH" },
      { name: "\u0000\u0007 \u200b", alpha_two_code: "CH" },
      { name: "n".repeat(10_000), alpha_two_code: "CH" },
      { name: { toString: "n" }, alpha_two_code: "CH" },
      { name: "Academy of Nowhere" },
      { name: "Academy of Nowhere", alpha_two_code: "XX" },
      { name: "Academy of Nowhere", alpha_two_code: "Switzerland" },
      { name: "Academy of Nowhere", alpha_two_code: 41 },
      null,
      "Academy of Things",
      5,
      [],
      [["name", "Academy of Things"]],
    ];
    const entries = bad.flatMap((entry, index) => [
      entry,
      { name: `Academy ${index}`, alpha_two_code: "CH" },
    ]);

    const report = await importEntries(world, entries);

    expect(report).toMatchObject({ created: bad.length, updated: 0, unchanged: 0 });
    expect(report.skipped.map(({ index }) => index)).toEqual(bad.map((_, index) => index * 2));
    expect(report.skipped.filter(({ reason }) => !/^[a-z][a-z ]{5,60}$/.test(reason))).toEqual([]);
    expect(await allUniversities(world.rpc())).toHaveLength(bad.length);
  });

  test("replaces control characters in names and places with spaces", async () => {
    const world = await createWorld({ dialect });

    await importEntries(world, [
      { name: " Academy\u0000of\r\n\u001b[31mThings\u200b\u0093 ", alpha_two_code: "CH", city: "Ber\u0000n" },
    ]);

    expect(await allUniversities(world.rpc())).toMatchObject([
      { name: "Academy of [31mThings", city: "Ber n" },
    ]);
  });

  test.each([
    ["with a script scheme", "javascript:alert(1)"],
    ["with a file scheme", "file:///etc/passwd"],
    ["with a null character", "https://things.ch/\u0000"],
    ["over the length limit", `https://things.ch/${"x".repeat(1_000)}`],
    ["without a scheme", "things"],
  ])("leaves out a web address %s, and keeps the rest of the entry", async (_what, page) => {
    const world = await createWorld({ dialect });

    const report = await importEntries(world, [
      { name: "Academy of Things", alpha_two_code: "CH", web_pages: [page] },
      { name: "Academy of Arts", alpha_two_code: "CH", domains: ["ARTS.ch"] },
    ]);

    expect(report).toMatchObject({ created: 2, skipped: [] });
    expect(await allUniversities(world.rpc())).toMatchObject([
      { name: "Academy of Arts", domains: ["arts.ch"] },
      { name: "Academy of Things", website: null },
    ]);
  });

  test("reports skipped entries by their index in the whole import, not in the batch", async () => {
    const world = await createWorld({ dialect });

    const report = await world.admin.admin.catalogue.import.mutate({
      importId: randomUUID(),
      offset: 400,
      entries: [{}, 5],
    });

    expect(report.skipped.map(({ index }) => index)).toEqual([400, 401]);
  });

  test("writes its result to the audit log", async () => {
    const world = await createWorld({ dialect });

    await importEntries(world, [{ name: "Academy of Things", alpha_two_code: "CH" }, {}]);

    expect(await world.admin.admin.audit.list.query()).toMatchObject({
      items: [{ action: "catalogue.imported", actor: "admin", reason: "1 created, 0 updated, 1 skipped" }],
    });
  });

  test("requires an admin", async () => {
    const { rpc, device } = await createWorld({ dialect });
    const student = await device().signIn();
    const batch = {
      importId: randomUUID(),
      offset: 0,
      entries: [{ name: "Academy of Things", alpha_two_code: "CH" }],
    };

    for (const client of [rpc(), student.rpc, rpc({ token: "n".repeat(43) })]) {
      await expectRefusal(client.admin.catalogue.import.mutate(batch), "forbidden");
      await expectRefusal(client.admin.seed.run.mutate(), "forbidden");
    }

    expect(await allUniversities(rpc())).toEqual([]);
  });

  test("takes 1 to 500 entries per call, with an import id and an offset", async () => {
    const { admin, rpc } = await createWorld({ dialect });
    const entries = Array.from({ length: 501 }, (_, index) => ({
      name: `Academy ${index}`,
      alpha_two_code: "CH",
    }));
    const importBatch = (batch: object) =>
      admin.admin.catalogue.import.mutate({
        importId: randomUUID(),
        offset: 0,
        entries: entries.slice(0, 1),
        ...batch,
      });

    await expectRefusal(importBatch({ entries }), "input/invalid");
    await expectRefusal(importBatch({ entries: [] }), "input/invalid");
    await expectRefusal(importBatch({ importId: "today" }), "input/invalid");
    await expectRefusal(importBatch({ offset: -1 }), "input/invalid");
    expect(await allUniversities(rpc())).toEqual([]);

    expect(await importBatch({ entries: entries.slice(0, 500) })).toMatchObject({ created: 500 });
  });

  test("adds no university twice while another import runs", async () => {
    const world = await createWorld({ dialect });
    const entries = Array.from({ length: 50 }, (_, index) => ({
      name: `Academy ${index}`,
      alpha_two_code: "CH",
    }));

    const reports = await Promise.allSettled([importEntries(world, entries), importEntries(world, entries)]);

    expect(reports.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
    expect(await allUniversities(world.rpc())).toHaveLength(50);
  });
});

const createSeededWorld = async (dialect: TestDialect): Promise<World> => {
  const world = await createWorld({ dialect });
  await world.server.seedIfEmpty();
  return world;
};

type University = Awaited<ReturnType<RpcClient["universities"]["list"]["query"]>>["items"][number];
type Course = Awaited<ReturnType<RpcClient["courses"]["list"]["query"]>>["items"][number];
type UniversityFilter = Parameters<RpcClient["universities"]["list"]["query"]>[0];
type CourseFilter = Parameters<RpcClient["courses"]["list"]["query"]>[0];

/** Reads a list to its end, page by page. */
const pagesOf = async <Item>(
  readPage: (
    cursor: string | null,
  ) => Promise<{ readonly items: readonly Item[]; readonly nextCursor: string | null }>,
): Promise<(readonly Item[])[]> => {
  const pages: (readonly Item[])[] = [];
  let cursor: string | null = null;
  do {
    const page: { readonly items: readonly Item[]; readonly nextCursor: string | null } =
      await readPage(cursor);
    pages.push(page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return pages;
};

const allUniversities = async (client: RpcClient, filter: UniversityFilter = {}): Promise<University[]> =>
  (await pagesOf((cursor) => client.universities.list.query({ ...filter, cursor, limit: 100 }))).flat();

const allCourses = async (client: RpcClient, filter: CourseFilter = {}): Promise<Course[]> =>
  (await pagesOf((cursor) => client.courses.list.query({ ...filter, cursor, limit: 100 }))).flat();

const namesFound = async (client: RpcClient, query: string, country?: string): Promise<string[]> =>
  (await allUniversities(client, { query, ...(country ? { country } : {}) })).map(({ name }) => name);

const cursorOf = (text: string): string => Buffer.from(text).toString("base64url");

/** Imports entries in batches, as the terminal program does, and adds up their reports. */
const importEntries = async ({ admin }: World, entries: readonly unknown[]) => {
  const importId = randomUUID();
  const total = {
    created: 0,
    updated: 0,
    unchanged: 0,
    skipped: [] as { index: number; name: string | null; reason: string }[],
  };
  for (let offset = 0; offset < entries.length; offset += BATCH_ENTRIES) {
    const batch = { importId, offset, entries: entries.slice(offset, offset + BATCH_ENTRIES) };
    const report = await admin.admin.catalogue.import.mutate(batch);
    total.created += report.created;
    total.updated += report.updated;
    total.unchanged += report.unchanged;
    total.skipped.push(...report.skipped);
  }
  return total;
};
