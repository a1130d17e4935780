import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createWorld, expectRefusal } from "../../support/servers/world.ts";
import {
  createSeededWorld,
  pagesOf,
  allUniversities,
  allCourses,
  importEntries,
} from "../../support/servers/catalogue.ts";

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
  // Needs PostgreSQL; databases.setup.ts prints what was skipped on a machine without one.
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

const cursorOf = (text: string): string => Buffer.from(text).toString("base64url");
