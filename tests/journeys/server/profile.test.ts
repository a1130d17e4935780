import { COUNTRIES } from "@edvoyage/protocol";
import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { DIALECTS, type TestDialect } from "../../support/databases/databases.ts";
import { createStudent } from "../../support/students/student.ts";
import { createWorld, expectRefusal } from "../../support/servers/world.ts";

const createScene = async (dialect: TestDialect) => {
  const world = await createWorld({ dialect });
  return { world, ada: await createStudent(world), bo: await createStudent(world) };
};

const fullProfile = {
  name: "Ada Okafor",
  photoUrl: "https://images.example/ada.jpg?size=200",
  bio: "Looking for a lab.\n\nAlso: चाय.",
  institution: "University of Lagos",
  homeCountry: "NG",
  dateOfBirth: "2004-02-29",
  education: [
    { institution: "Queen's College", degree: null, field: null, from: "2015-09", until: "2021-07" },
    { institution: "University of Lagos", degree: "BSc", field: "Physics", from: "2021-10", until: null },
  ],
  work: [
    { employer: "Lab 7", title: "Assistant", description: "Cleaned.\nCounted.", from: null, until: null },
  ],
  preferredCountries: ["PT", "DE"],
  preferredLevels: ["master" as const, "doctorate" as const],
  findable: true,
};

describe.each(DIALECTS)("a profile, on %s", (dialect) => {
  test("starts empty and not findable, and keeps what the student enters", async () => {
    const { ada } = await createScene(dialect);

    const empty = await ada.rpc.profile.get.query();
    const updated = await ada.rpc.profile.update.mutate(fullProfile);

    expect(empty).toMatchObject({ id: ada.id, phone: ada.phone, name: null, education: [], findable: false });
    expect(updated).toMatchObject({ id: ada.id, phone: ada.phone, ...fullProfile });
    expect(await ada.rpc.profile.get.query()).toEqual(updated);
  });

  test("keeps the fields that a change leaves out; null and an empty list clear a field", async () => {
    const { world, ada } = await createScene(dialect);
    await ada.rpc.profile.update.mutate(fullProfile);
    world.clock.advance({ minutes: 1 });

    const changed = await ada.rpc.profile.update.mutate({ bio: null, work: [], name: " Ada O. " });
    world.clock.advance({ minutes: 1 });
    const unchanged = await ada.rpc.profile.update.mutate({});

    expect(changed).toMatchObject({ ...fullProfile, bio: null, work: [], name: "Ada O." });
    expect(unchanged).toEqual(changed);
  });

  test("takes changes of different fields from devices at once, and the last change of one field", async () => {
    const { ada } = await createScene(dialect);

    await Promise.all([
      ada.rpc.profile.update.mutate({ bio: "From the phone" }),
      ada.rpc.profile.update.mutate({ institution: "From the laptop" }),
      ada.rpc.profile.update.mutate({ homeCountry: "IN" }),
    ]);
    await ada.rpc.profile.update.mutate({ bio: "Later" });

    expect(await ada.rpc.profile.get.query()).toMatchObject({
      bio: "Later",
      institution: "From the laptop",
      homeCountry: "IN",
    });
  });

  test("changes once per command, and the student's devices are told", async () => {
    const { world, ada } = await createScene(dialect);
    const commandId = uuidv7();
    const { serverNow: since } = await ada.rpc.inbox.changes.query();
    world.clock.advance({ minutes: 1 });

    const first = await ada.rpc.profile.update.mutate({ name: "One", commandId });
    await ada.rpc.profile.update.mutate({ name: "Two" });
    const repeated = await ada.rpc.profile.update.mutate({ name: "One", commandId });

    expect(first.name).toBe("One");
    expect(repeated.name).toBe("Two");
    expect(await ada.rpc.profile.get.query()).toEqual(repeated);
    const { areas } = await ada.rpc.inbox.changes.query({ since });
    expect(areas.map(({ area }) => area)).toContain("profile");
    await expectRefusal(ada.rpc.profile.update.mutate({ name: "Three", commandId }), "input/invalid");
  });

  test("refuses hostile and invalid values, and keeps none of them", async () => {
    const { ada } = await createScene(dialect);
    const before = await ada.rpc.profile.get.query();
    const invalidChanges: readonly Record<string, unknown>[] = [
      ...["", " ", "a\nb", "\0", "\ud800", "\u202eevil", "a".repeat(101)].map((name) => ({ name })),
      ...["", "a\0b", "\u2066x", "\ud800", "b\u0007", "a".repeat(2_001)].map((bio) => ({ bio })),
      ...[
        "http://images.example/a.jpg",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "https://",
        "https://user:secret@images.example/",
        "https://images.example/a b",
        "https://images.example/\n",
        "//images.example/a.jpg",
        `https://images.example/${"a".repeat(2_048)}`,
      ].map((photoUrl) => ({ photoUrl })),
      ...["XX", "in", "IND", "EU", "ZZ", "", "I\0"].map((homeCountry) => ({ homeCountry })),
      ...["2003-02-29", "2026-09-02", "1899-01-01", "2020-01-01", "2004-2-3", "0000-00-00", "04-02-2004"].map(
        (dateOfBirth) => ({ dateOfBirth }),
      ),
      { education: [{ institution: "" }] },
      { education: [{ institution: "A", from: "2024-13" }] },
      { education: [{ institution: "A", from: "2024-09", until: "2023-09" }] },
      { education: Array.from({ length: 21 }, () => ({ institution: "A" })) },
      { work: [{ employer: "A", description: "\0" }] },
      { work: {} },
      { preferredCountries: ["IN", "IN"] },
      { preferredCountries: ["Narnia"] },
      { preferredLevels: ["kindergarten"] },
      { preferredLevels: ["master", "master"] },
      { findable: "yes" },
    ];

    for (const change of invalidChanges) {
      await expectRefusal(
        ada.rpc.profile.update.mutate({ ...change, institution: "Kept?" }),
        "input/invalid",
      );
    }

    expect(await ada.rpc.profile.get.query()).toEqual(before);
    expect(
      await ada.rpc.profile.update.mutate({ name: "अनन्‍या", bio: "a\r\nb\tc\rd", dateOfBirth: "2013-09-01" }),
    ).toMatchObject({ name: "अनन्‍या", bio: "a\nb\tc\nd" });
  });

  test("shows others its public fields and nothing else", async () => {
    const { ada, bo } = await createScene(dialect);
    await ada.rpc.profile.update.mutate(fullProfile);

    const { name, photoUrl, bio, institution, homeCountry } = fullProfile;
    expect(await bo.rpc.profile.of.query({ userId: ada.id })).toEqual({
      id: ada.id,
      name,
      photoUrl,
      bio,
      institution,
      homeCountry,
    });
  });

  test("looks to a blocked student as if it did not exist, while the blocker still sees theirs", async () => {
    const { ada, bo } = await createScene(dialect);
    await ada.blocks(bo);

    const blocked = await expectRefusal(bo.rpc.profile.of.query({ userId: ada.id }), "not-found");
    const unknownStudent = await expectRefusal(bo.rpc.profile.of.query({ userId: uuidv7() }), "not-found");
    await ada.rpc.profile.of.query({ userId: bo.id });
    await ada.rpc.contacts.update.mutate({ userId: bo.id, blocked: false });

    expect(blocked).toEqual(unknownStudent);
    await expectRefusal(bo.rpc.profile.of.query({ userId: "\0" }), "input/invalid");
    expect(await bo.rpc.profile.of.query({ userId: ada.id })).toMatchObject({ id: ada.id });
  });
});

test("every country code has a name in the runtime", () => {
  const names = new Intl.DisplayNames("en", { type: "region", fallback: "none" });

  expect(COUNTRIES.size).toBe(250);
  expect([...COUNTRIES].filter((code) => names.of(code) === undefined)).toEqual([]);
});
