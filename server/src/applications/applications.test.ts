import {
  APPLICATION_DOCUMENT_STATUSES,
  APPLICATION_STATUSES,
  type ApplicationFields,
  type ApplicationStatus,
} from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { intakeOf, isOver, nextIntake } from "./intake.ts";
import {
  mayMove,
  mayMoveDocument,
  mayRemoveDocument,
  mergeDraft,
  missingOf,
  movesFrom,
} from "./applications.rules.ts";

/** Every step that there is, written out once more: by whom, from where, to where. */
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
  test.each(pairs)("$from to $to is for those whom the list names, and nobody else", ({ from, to }) => {
    for (const mover of ["student", "admin"] as const) {
      expect(mayMove(mover, { from, to })).toBe(STEPS.includes(`${mover}: ${from} to ${to}`));
    }
  });

  test("a student withdraws from any but the last three, and from what is over", () => {
    const withdrawable = APPLICATION_STATUSES.filter((from) => mayMove("student", { from, to: "withdrawn" }));

    expect(withdrawable).toEqual(["draft", "submitted", "under_review", "interview", "accepted"]);
  });

  test("everything but what is over leads somewhere, and every status is reached", () => {
    const next = (from: ApplicationStatus) => [...movesFrom(from, "student"), ...movesFrom(from, "admin")];
    const reached = new Set<ApplicationStatus>(["draft"]);
    for (const from of reached) for (const to of next(from)) reached.add(to);

    expect([...reached].toSorted()).toEqual([...APPLICATION_STATUSES].toSorted());
    expect(APPLICATION_STATUSES.filter((from) => next(from).length === 0)).toEqual(["rejected", "withdrawn"]);
  });

  test("a document is judged by admins, brought by the student, and stays once it is relied on", () => {
    const given = (mover: "student" | "admin") =>
      APPLICATION_DOCUMENT_STATUSES.map(
        (from) =>
          `${from}: ${APPLICATION_DOCUMENT_STATUSES.filter((to) => mayMoveDocument(mover, { from, to })).join(" ")}`,
      );

    expect(given("student")).toEqual([
      "expected: uploaded",
      "uploaded: uploaded",
      "accepted: ",
      "rejected: uploaded",
    ]);
    expect(given("admin")).toEqual([
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
    ["of what the device had", { statement: "Mine" }, { statement: "Theirs" }, { statement: "Mine" }],
    ["of an empty field with no base", { notes: "Mine" }, {}, { notes: "Mine" }],
    ["to what is there already", { statement: "Theirs" }, { statement: "Older" }, {}],
    ["that empties a field", { statement: null }, { statement: "Theirs" }, { statement: null }],
    ["of nothing", {}, { statement: "Older" }, {}],
  ])("%s is written", (_name, changes, base, written) => {
    expect(mergeDraft(stored, { changes, base })).toEqual({
      state: "merged",
      fields: { ...stored, ...written },
    });
  });

  test.each([
    ["of what another device wrote to", { statement: "Mine" }, { statement: "Older" }, ["statement"]],
    ["of a full field with no base", { statement: "Mine" }, {}, ["statement"]],
    ["that empties what was written since", { statement: null }, { statement: null }, ["statement"]],
    [
      "of one field that collides and one that does not",
      { statement: "Mine", notes: "Mine" },
      {},
      ["statement"],
    ],
    ["of two that collide", { statement: "Mine", intakeYear: 2028 }, {}, ["intakeYear", "statement"]],
    ["on a base that no field can have", { notes: "Mine" }, { notes: { unlikeAnyValue: 1 } }, ["notes"]],
  ])("%s collides and is not written at all", (_name, changes, base, fields) => {
    expect(mergeDraft(stored, { changes, base })).toEqual({ state: "collided", fields });
  });
});

test("what a draft lacks is named, each with its place", () => {
  const missing = missingOf(stored, [{ kind: "passport", status: "expected" }]).map(({ path }) => path);
  const full = { ...stored, contactEmail: "a@b.example", funding: "self" } as const;

  expect(missing).toEqual([
    "fields.contactEmail",
    "fields.funding",
    "documents.passport",
    "documents.transcript",
  ]);
  expect(
    missingOf(full, [
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
  ])("of %j at %s is that of %i, until %s", (given, at, year, deadline) => {
    expect(next(given, at)).toEqual([year, deadline]);
  });

  test("a start that has begun is over, also without a deadline", () => {
    const given = terms(9, null, null);

    expect(isOver(given, intakeOf(given, 2026), Date.parse("2026-09-01T00:00:00Z"))).toBe(true);
    expect(isOver(given, intakeOf(given, 2026), Date.parse("2026-08-31T00:00:00Z"))).toBe(false);
  });
});
