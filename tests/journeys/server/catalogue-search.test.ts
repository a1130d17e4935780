import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createWorld, expectRefusal } from "../../support/servers/world.ts";
import {
  createSeededWorld,
  allUniversities,
  allCourses,
  namesFound,
} from "../../support/servers/catalogue.ts";

const COURSES_PER_UNIVERSITY = 5;

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
