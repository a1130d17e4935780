import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createUniversityList, NAMESAKE } from "../../support/fakes/made-up-universities.ts";
import { createWorld, expectRefusal } from "../../support/servers/world.ts";
import { allUniversities, namesFound, importEntries } from "../../support/servers/catalogue.ts";

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
