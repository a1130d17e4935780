import {
  applicationEditCheck,
  contactCheck,
  newApplicationCheck,
  newCommentCheck,
  newDocumentCheck,
  newPostCheck,
  postChangeCheck,
  profileChangeCheck,
  reportCheck,
  uploadedDocumentCheck,
  withdrawalCheck,
  type Check,
} from "@edvoyage/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { z } from "zod";
import { createWorld } from "../support/servers/world.ts";

const ID = "01990000-0000-7000-8000-000000000001";

const TEXTS: readonly unknown[] = [
  "",
  " ",
  " \n\t ",
  "Hello",
  " Hello ",
  "Two\nlines",
  "Two\r\nlines",
  "A\ttab",
  "A\u2028separator",
  "ends with one\u2028",
  "\u0000",
  "\u0085",
  "\ud800",
  "😀",
  "क्‍ष",
  "\u202etxet",
  "\ufeff",
  "x".repeat(100),
  "x".repeat(101),
  "x".repeat(200),
  "x".repeat(201),
  "x".repeat(500),
  "x".repeat(501),
  "x".repeat(1_001),
  ` ${"x".repeat(100)}`,
  5,
  true,
  {},
  [],
  null,
  undefined,
];
const URLS: readonly unknown[] = [
  "https://example.org",
  "https://example.org/a b",
  "https://example.org/ä?b=1#c",
  "http://example.org",
  "https://",
  "https:///",
  "https://me@example.org",
  "https://me:secret@example.org",
  "https://example.org/@me",
  "https://example.org?a@b",
  "https://example.org\\@evil.example",
  "https://example.org:99999",
  "https://exa\u200bmple.org",
  "https://[::1]",
  "https://[::1",
  " https://example.org",
  "HTTPS://example.org",
  "javascript:alert(1)",
  `https://example.org/${"x".repeat(2_028)}`,
  `https://example.org/${"x".repeat(2_029)}`,
  ...TEXTS,
];
const IMAGES: readonly unknown[] = [
  ...URLS,
  "image",
  "folder/image.jpg",
  "../image",
  "image.",
  "x".repeat(512),
  "x".repeat(513),
];
const MONTHS: readonly unknown[] = ["2024-09", "2024-13", "1899-01", "2024-9", "24-09", "2099-12", ...TEXTS];
const DATES: readonly unknown[] = [
  "2004-02-29",
  "2003-02-29",
  "2000-02-29",
  "1900-02-29",
  "2003-04-31",
  "2003-4-30",
  "2003-00-10",
  "2003-12-00",
  "2003-12-31T00:00",
  "0000-01-01",
  ...TEXTS,
];
const COUNTRY_VALUES: readonly unknown[] = ["PT", "XK", "pt", "Portugal", "ZZ", ...TEXTS];
const EMAILS: readonly unknown[] = [
  "ada@example.org",
  " ada@example.org ",
  "ada@example",
  "a..b@example.org",
  ".a@example.org",
  "a@b@example.org",
  `${"x".repeat(242)}@example.org`,
  `${"x".repeat(243)}@example.org`,
  ...TEXTS,
];
const YEARS: readonly unknown[] = [1_999, 2_000, 2_028.5, 2_100, 2_101, Number.NaN, "2028", null, undefined];
const period = (from: unknown, until: unknown) => ({ from, until });
const HISTORY = (named: object, where: string): readonly unknown[] => [
  [],
  null,
  undefined,
  "list",
  [named],
  Array(20).fill(named),
  Array(21).fill(named),
  [null],
  [{}],
  ...TEXTS.map((text) => [{ ...named, [where]: text }]),
  ...MONTHS.map((month) => [{ ...named, from: month }]),
  [{ ...named, ...period("2024-01", "2023-12") }],
  [named, { ...named, ...period("2024-01", "2024-01") }],
];

interface Case {
  readonly check: Check;
  readonly procedure: string;
  readonly valid: Readonly<Record<string, unknown>>;
  /** Values for each field, by its path. */
  readonly values: Readonly<Record<string, readonly unknown[]>>;
}

const FIELDS = {
  intakeYear: YEARS,
  studyMode: ["full-time", "part-time", "sometimes", ...TEXTS],
  contactEmail: EMAILS,
  funding: ["self", "gold", ...TEXTS],
  statement: [...TEXTS, "x".repeat(200_000), "x".repeat(200_001)],
  notes: TEXTS,
  unknown: ["x", undefined],
};
const below = (name: string, values: Case["values"]): Case["values"] =>
  Object.fromEntries(Object.entries(values).map(([field, list]) => [`${name}.${field}`, list]));

const CASES: readonly Case[] = [
  {
    check: profileChangeCheck,
    procedure: "profile.update",
    valid: {},
    values: {
      name: TEXTS,
      photoUrl: URLS,
      bio: [...TEXTS, "x".repeat(2_000), "x".repeat(2_001)],
      institution: TEXTS,
      homeCountry: COUNTRY_VALUES,
      dateOfBirth: DATES,
      education: HISTORY({ institution: "School" }, "degree"),
      work: HISTORY({ employer: "Shop" }, "description"),
      preferredCountries: [[], ["PT", "ES"], ["PT", "PT"], ["Portugal"], null, undefined, "PT"],
      preferredLevels: [[], ["bachelor", "master"], ["master", "master"], ["kindergarten"], null],
      findable: [true, false, null, "yes", undefined],
    },
  },
  { check: contactCheck, procedure: "contacts.update", valid: { userId: ID }, values: { nickname: TEXTS } },
  {
    check: contactCheck,
    procedure: "contacts.add",
    valid: { phone: "+447400123456" },
    values: { nickname: TEXTS },
  },
  {
    check: postChangeCheck,
    procedure: "social.editPost",
    valid: { postId: ID },
    values: { text: TEXTS, link: URLS, image: IMAGES, mentions: [[], [ID], ["x".repeat(65)], ["\0"], "x"] },
  },
  {
    check: newPostCheck,
    procedure: "social.post",
    valid: { text: "Hello" },
    values: {
      text: [...TEXTS, "x".repeat(256 * 1_024 + 1)].filter((text) => text !== null && text !== undefined),
      link: URLS,
      image: IMAGES,
    },
  },
  {
    check: newCommentCheck,
    procedure: "social.comment",
    valid: { postId: ID, text: "Hello" },
    values: { text: TEXTS, parentId: [ID, null, undefined, "\0"] },
  },
  {
    check: reportCheck,
    procedure: "social.report",
    valid: { postId: ID, reason: "Spam" },
    values: { reason: TEXTS },
  },
  {
    check: newApplicationCheck,
    procedure: "applications.create",
    valid: { courseId: ID, fields: {} },
    values: below("fields", FIELDS),
  },
  {
    check: applicationEditCheck,
    procedure: "applications.update",
    valid: { applicationId: ID, changes: {} },
    values: below("changes", FIELDS),
  },
  {
    check: withdrawalCheck,
    procedure: "applications.withdraw",
    valid: { applicationId: ID },
    values: { note: TEXTS },
  },
  {
    check: newDocumentCheck,
    procedure: "applications.addDocument",
    valid: { applicationId: ID, kind: "cv", name: "CV" },
    values: {
      name: TEXTS,
      kind: ["passport", "song", null, undefined],
      status: ["expected", "uploaded", "accepted", undefined],
    },
  },
  {
    check: uploadedDocumentCheck,
    procedure: "applications.uploadDocument",
    valid: { applicationId: ID, documentId: ID },
    values: { name: TEXTS },
  },
];

/** Returns the object with a value at a path of one or two names. */
const withValue = (input: object, path: string, value: unknown): object => {
  const [name = "", ...rest] = path.split(".");
  const inner: unknown = Reflect.get(input, name);
  const next =
    rest.length === 0 ? value : withValue(inner instanceof Object ? inner : {}, rest.join("."), value);
  return { ...input, [name]: next };
};

/** Removes fields that are `undefined`, as a request does. */
const asSent = (input: object): unknown => JSON.parse(JSON.stringify(input));

const createSchemas = async () => {
  const { server } = await createWorld();
  return (procedure: string): readonly z.ZodType[] =>
    (server.procedures.find(({ path }) => path === procedure)?.inputs ??
      expect.fail(`there is no ${procedure}`)) as z.ZodType[];
};

/** Returns the places of the faults that the server finds. */
const serverFaults = (schemas: readonly z.ZodType[], input: unknown): readonly string[] =>
  schemas.flatMap((schema) => {
    const { error } = schema.safeParse(input);
    return (error?.issues ?? []).map(({ path }) => path.join("."));
  });

const deviceFaults = (check: Check, input: unknown): readonly string[] =>
  check(input).map(({ path }) => path);

test.each(CASES.map((one) => [one.procedure, one] as const))(
  "a device finds the same faults in an input of %s as the server",
  async (procedure, { check, valid, values }) => {
    const schemas = (await createSchemas())(procedure);
    expect([deviceFaults(check, valid), serverFaults(schemas, valid)]).toEqual([[], []]);

    const outcomes = { rejected: 0, accepted: 0 };
    for (const [path, list] of Object.entries(values)) {
      for (const value of list) {
        const input = asSent(withValue(valid, path, value));
        const faults = deviceFaults(check, input);
        const isRejected = serverFaults(schemas, input).length > 0;
        expect(faults.length > 0, `${path}: ${JSON.stringify(value)?.slice(0, 80)}`).toBe(isRejected);
        for (const fault of faults) expect(fault.startsWith(path.split(".")[0] ?? "?")).toBe(true);
        outcomes[isRejected ? "rejected" : "accepted"] += 1;
      }
    }

    expect(outcomes.rejected).toBeGreaterThan(0);
    expect(outcomes.accepted).toBeGreaterThan(0);
  },
);

test("a device and the server agree about any text", async () => {
  const schemas = await createSchemas();
  const [profile, post] = [schemas("profile.update"), schemas("social.editPost")];

  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 20 }), (text) => {
      const profileInput = { name: text, bio: text };
      const postInput = { postId: ID, link: `https://example.org/${text}`, image: text };
      expect(deviceFaults(profileChangeCheck, profileInput)).toEqual([
        ...new Set(serverFaults(profile, profileInput)),
      ]);
      expect(deviceFaults(postChangeCheck, postInput)).toEqual([...new Set(serverFaults(post, postInput))]);
    }),
    { numRuns: 5_000 },
  );
});

test("the device's ranges of characters are Unicode's categories of control, format and surrogate characters", async () => {
  const post = (await createSchemas())("social.editPost");
  const isAccepted = (link: string): boolean =>
    serverFaults(post, { postId: ID, link }).length === 0 &&
    deviceFaults(postChangeCheck, { link }).length === 0;

  const wrong: string[] = [];
  for (let point = 0; point <= 0x10ffff; point += 1) {
    const character = String.fromCodePoint(point);
    if (/[\p{Cc}\p{Cf}\p{Cs}\s\\]/u.test(character) && isAccepted(`https://example.org/${character}`))
      wrong.push(point.toString(16));
  }

  expect(wrong).toEqual([]);
});
