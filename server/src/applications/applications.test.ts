import {
  APPLICATION_DOCUMENT_STATUSES,
  APPLICATION_STATUSES,
  listMissing,
  type ApplicationFields,
  type ApplicationStatus,
} from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { intakeOf, isTooLate, nextIntake } from "./intake.ts";
import { mayMove, mayMoveDocument, mayRemoveDocument, mergeDraft, movesFrom } from "./applications.rules.ts";

/** Every allowed step, written out independently of the table: the mover, from, to. */
const STEPS: readonly string[] = [
  "student: draft to submitted",
  "student: draft to withdrawn",
  "admin: submitted to under_review",
  "student: submitted to withdrawn",
  "admin: under_review to interview",
  "admin: under_review to accepted",
  "admin: under_review to rejected",
  "admin: under_review to waitlisted",
  "admin: under_review to deferred",
  "student: under_review to withdrawn",
  "admin: interview to accepted",
  "admin: interview to rejected",
  "admin: interview to waitlisted",
  "admin: interview to deferred",
  "student: interview to withdrawn",
  "student: accepted to withdrawn",
  "admin: waitlisted to accepted",
  "admin: waitlisted to rejected",
  "admin: deferred to under_review",
  "admin: deferred to accepted",
  "admin: deferred to rejected",
];

const pairs = APPLICATION_STATUSES.flatMap((from) => APPLICATION_STATUSES.map((to) => ({ from, to })));

describe("the table of transitions", () => {
  test.each(pairs)("allows $from to $to only to the movers in the list", ({ from, to }) => {
    for (const mover of ["student", "admin"] as const) {
      expect(mayMove(mover, { from, to })).toBe(STEPS.includes(`${mover}: ${from} to ${to}`));
    }
  });

  test("lets a student withdraw from every status except closed ones and the last three decisions", () => {
    const withdrawable = APPLICATION_STATUSES.filter((from) => mayMove("student", { from, to: "withdrawn" }));

    expect(withdrawable).toEqual(["draft", "submitted", "under_review", "interview", "accepted"]);
  });

  test("reaches every status, and only closed ones have no next step", () => {
    const next = (from: ApplicationStatus) => [...movesFrom(from, "student"), ...movesFrom(from, "admin")];
    const reached = new Set<ApplicationStatus>(["draft"]);
    for (const from of reached) for (const to of next(from)) reached.add(to);

    expect([...reached].toSorted()).toEqual([...APPLICATION_STATUSES].toSorted());
    expect(APPLICATION_STATUSES.filter((from) => next(from).length === 0)).toEqual(["rejected", "withdrawn"]);
  });

  test("lets admins judge a document and limits when a student may replace or remove it", () => {
    const moves = (mover: "student" | "admin") =>
      APPLICATION_DOCUMENT_STATUSES.map(
        (from) =>
          `${from}: ${APPLICATION_DOCUMENT_STATUSES.filter((to) => mayMoveDocument(mover, { from, to })).join(" ")}`,
      );

    expect(moves("student")).toEqual([
      "expected: uploaded",
      "uploaded: uploaded",
      "accepted: ",
      "rejected: uploaded",
    ]);
    expect(moves("admin")).toEqual([
      "expected: accepted rejected",
      "uploaded: expected accepted rejected",
      "accepted: expected rejected",
      "rejected: expected accepted",
    ]);
    const removable = (status: ApplicationStatus) =>
      APPLICATION_DOCUMENT_STATUSES.filter((document) => mayRemoveDocument(status, document));
    expect(removable("draft")).toEqual([...APPLICATION_DOCUMENT_STATUSES]);
    expect(removable("interview")).toEqual(["expected", "rejected"]);
    expect(removable("withdrawn")).toEqual([]);
  });
});

const stored: ApplicationFields = {
  intakeYear: 2027,
  studyMode: "full-time",
  contactEmail: null,
  funding: null,
  statement: "Theirs",
  notes: null,
};

describe("an edit of a draft", () => {
  test.each([
    [
      "a change of the value that the device had",
      { statement: "Mine" },
      { statement: "Theirs" },
      { statement: "Mine" },
    ],
    ["a change of an empty field without a base", { notes: "Mine" }, {}, { notes: "Mine" }],
    ["a change to the value that is already stored", { statement: "Theirs" }, { statement: "Older" }, {}],
    ["a change that empties a field", { statement: null }, { statement: "Theirs" }, { statement: null }],
    ["an edit without changes", {}, { statement: "Older" }, {}],
  ])("merges %s", (_name, changes, base, written) => {
    expect(mergeDraft(stored, { changes, base })).toEqual({
      state: "merged",
      fields: { ...stored, ...written },
    });
  });

  test.each([
    [
      "a change of a field that another device changed",
      { statement: "Mine" },
      { statement: "Older" },
      ["statement"],
    ],
    ["a change of a filled field without a base", { statement: "Mine" }, {}, ["statement"]],
    [
      "a change that empties a field that another device filled",
      { statement: null },
      { statement: null },
      ["statement"],
    ],
    [
      "a change of one field that collides and one that does not",
      { statement: "Mine", notes: "Mine" },
      {},
      ["statement"],
    ],
    [
      "a change of two fields that collide",
      { statement: "Mine", intakeYear: 2028 },
      {},
      ["intakeYear", "statement"],
    ],
    [
      "a change with a base that the field cannot have",
      { notes: "Mine" },
      { notes: { unlikeAnyValue: 1 } },
      ["notes"],
    ],
  ])("rejects %s and writes nothing", (_name, changes, base, fields) => {
    expect(mergeDraft(stored, { changes, base })).toEqual({ state: "collided", fields });
  });
});

test("names everything that a draft still needs, each with its path", () => {
  const missing = listMissing(stored, [{ kind: "passport", status: "expected" }]).map(({ path }) => path);
  const complete = { ...stored, contactEmail: "a@b.example", funding: "self" } as const;

  expect(missing).toEqual([
    "fields.contactEmail",
    "fields.funding",
    "documents.passport",
    "documents.transcript",
  ]);
  expect(
    listMissing(complete, [
      { kind: "passport", status: "uploaded" },
      { kind: "transcript", status: "accepted" },
    ]),
  ).toEqual([]);
});

describe("the next intake", () => {
  const terms = (start_month: number, deadline_month: number | null, deadline_day: number | null) => ({
    start_month,
    deadline_month,
    deadline_day,
  });
  const next = (given: ReturnType<typeof terms>, at: string) => {
    const { year, deadline } = nextIntake(given, Date.parse(at));
    return [year, deadline === null ? null : new Date(deadline).toISOString()];
  };

  test.each([
    [terms(9, 1, 31), "2027-01-31T23:59:59.999Z", 2027, "2027-02-01T00:00:00.000Z"],
    [terms(9, 1, 31), "2027-02-01T00:00:00Z", 2028, "2028-02-01T00:00:00.000Z"],
    [terms(9, 12, 15), "2026-12-15T12:00:00Z", 2027, "2026-12-16T00:00:00.000Z"],
    [terms(9, 12, 15), "2026-12-16T00:00:00Z", 2028, "2027-12-16T00:00:00.000Z"],
    [terms(1, 8, 31), "2026-08-31T00:00:00Z", 2027, "2026-09-01T00:00:00.000Z"],
    [terms(1, 8, 31), "2026-09-01T00:00:00Z", 2028, "2027-09-01T00:00:00.000Z"],
    [terms(9, null, null), "2026-08-31T23:59:59Z", 2026, null],
    [terms(9, null, null), "2026-09-01T00:00:00Z", 2027, null],
  ])("returns for %j at %s the year %i with the deadline %s", (given, at, year, deadline) => {
    expect(next(given, at)).toEqual([year, deadline]);
  });

  test("closes when the start month has begun, also without a deadline", () => {
    const given = terms(9, null, null);

    expect(isTooLate(given, intakeOf(given, 2026), Date.parse("2026-09-01T00:00:00Z"))).toBe(true);
    expect(isTooLate(given, intakeOf(given, 2026), Date.parse("2026-08-31T00:00:00Z"))).toBe(false);
  });
});
