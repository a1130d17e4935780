import { refusalOf } from "@edvoyage/client-sdk/rpc";
import type { ApplicationStatus } from "@edvoyage/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCompleteDraft, createSubmitted, someCourses } from "../support/application.ts";
import { DIALECTS, type TestDialect } from "../support/databases.ts";
import { createStudent, type Student } from "../support/student.ts";
import { createWorld, joinWorld } from "../support/world.ts";

const limits = { callsPerMinutePerIp: 1_000_000, applicationsPerUser: 1_000 };
const ROUNDS = 12;

/** Two servers where the database has room for two: what one locks, the other must see. */
const createScene = async (dialect: TestDialect) => {
  const one = await createWorld({ dialect, limits });
  const other = dialect === "postgres" ? await joinWorld(one, { limits }) : one;
  const courses = await someCourses(one, 100);
  const student = await createStudent(one);
  let used = 0;
  return {
    student,
    /** The same student at the other server. */
    tablet: { ...student, rpc: other.rpc({ token: student.token }) },
    admin: other.admin.admin.applications,
    nextCourse: (): string => courses[used++] ?? expect.fail("no more courses"),
  };
};

/** `ok`, or the reason of the refusal; a bug has none and fails the test. */
const outcomeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "ok",
    (error: unknown) => refusalOf(error)?.reason ?? Promise.reject(error),
  );

const outcomesOf = async (calls: readonly Promise<unknown>[]): Promise<string[]> =>
  (await Promise.all(calls.map(outcomeOf))).toSorted();

/** Asserts that the history begins with the draft, has no hole, and ends where the application is; returns its steps. */
const explainedSteps = async ({ rpc }: Student, applicationId: string) => {
  const { items } = await rpc.applications.history.query({ applicationId, limit: 100 });
  const { status } = await rpc.applications.get.query({ applicationId });
  expect(items.map(({ position }) => position)).toEqual(items.map((_, index) => index));
  expect(items.map(({ from }) => from)).toEqual([null, ...items.slice(0, -1).map(({ to }) => to)]);
  expect(items[0]).toMatchObject({ to: "draft", by: "student" });
  expect(items.at(-1)?.to).toBe(status);
  return items.map(({ by, from, to }) => `${by}: ${from} to ${to}`);
};

describe.each(DIALECTS)("applications that several change at once, on %s", (dialect) => {
  test("a student who withdraws and an admin who moves: one wins, the other is told of the conflict", async () => {
    const { student, admin, nextCourse } = await createScene(dialect);

    for (let round = 0; round < ROUNDS; round += 1) {
      const { id: applicationId } = await createSubmitted(student, nextCourse());
      const from = "submitted";
      const withdraw = () => student.rpc.applications.withdraw.mutate({ applicationId, from });
      const move = () => admin.move.mutate({ applicationId, from, status: "under_review" });
      const calls = round % 2 ? [withdraw(), move()] : [move(), withdraw()];

      expect(await outcomesOf(calls)).toEqual(["conflict", "ok"]);
      const steps = await explainedSteps(student, applicationId);
      expect(steps).toHaveLength(3);
      expect(["student: submitted to withdrawn", "admin: submitted to under_review"]).toContain(steps[2]);
    }
  });

  test("a decision and a withdrawal that name no status: one wins too", async () => {
    const { student, admin, nextCourse } = await createScene(dialect);

    for (let round = 0; round < ROUNDS; round += 1) {
      const { id: applicationId } = await createSubmitted(student, nextCourse());
      await admin.move.mutate({ applicationId, status: "under_review" });
      const calls = [
        student.rpc.applications.withdraw.mutate({ applicationId }),
        admin.move.mutate({ applicationId, status: "rejected" }),
        admin.move.mutate({ applicationId, status: "waitlisted" }),
      ];

      const outcomes = await outcomesOf(calls);
      const steps = await explainedSteps(student, applicationId);
      // Whoever waits may still be refused: two steps, and they are those of the table.
      if (outcomes.filter((outcome) => outcome === "ok").length === 2) {
        expect(steps.slice(3)).toEqual([
          "admin: under_review to waitlisted",
          "admin: waitlisted to rejected",
        ]);
      } else {
        expect(outcomes).toEqual(["conflict", "conflict", "ok"]);
        expect(steps).toHaveLength(4);
      }
    }
  });

  test("devices that make, edit and submit at once lose nothing and do nothing twice", async () => {
    const { student, tablet, nextCourse } = await createScene(dialect);
    const devices = [student, tablet].map(({ rpc }) => rpc.applications);
    const onBoth = <Answer>(call: (device: (typeof devices)[number], index: number) => Promise<Answer>) =>
      Array.from({ length: 10 }, (_, index) => call(devices[index % 2] ?? expect.fail(), index));
    const tenth = [...Array.from({ length: 9 }, () => "conflict"), "ok"];

    const courseId = nextCourse();
    expect(await outcomesOf(onBoth((device) => device.create.mutate({ courseId })))).toEqual(tenth);

    const { id: applicationId } = await createCompleteDraft(student, nextCourse());
    expect(
      await outcomesOf(
        onBoth((device, index) => device.update.mutate({ applicationId, changes: { notes: `${index}` } })),
      ),
    ).toEqual(tenth);
    const edits = [
      { changes: { notes: null }, base: { notes: await notesOf(student, applicationId) } },
      { changes: { funding: "loan" }, base: { funding: "scholarship" } },
      { changes: { intakeYear: 2029 }, base: { intakeYear: 2028 } },
      { changes: { studyMode: "part-time" }, base: { studyMode: "full-time" } },
    ] as const;
    const merged = edits.map((edit, index) => devices[index % 2]?.update.mutate({ applicationId, ...edit }));
    expect(await outcomesOf(merged.map((call) => call ?? expect.fail()))).toEqual(["ok", "ok", "ok", "ok"]);
    expect(await student.rpc.applications.get.query({ applicationId })).toMatchObject({
      fields: { notes: null, funding: "loan", intakeYear: 2029, studyMode: "part-time" },
    });

    expect(await outcomesOf(onBoth((device) => device.submit.mutate({ applicationId })))).toEqual(tenth);
    expect(await explainedSteps(student, applicationId)).toEqual([
      "student: null to draft",
      "student: draft to submitted",
    ]);
  });

  test("no sequence of acts, alone or two at once, leaves the table of transitions", async () => {
    const { student, admin, nextCourse } = await createScene(dialect);

    await fc.assert(
      fc.asyncProperty(fc.array(someTurn, { maxLength: 12 }), async (turns) => {
        const { id: applicationId } = await createCompleteDraft(student, nextCourse());
        const perform = ({ by, to }: Act): Promise<string> => {
          const { applications } = student.rpc;
          if (by === "admin") return outcomeOf(admin.move.mutate({ applicationId, status: to }));
          return outcomeOf(
            applications[to === "submitted" ? "submit" : "withdraw"].mutate({ applicationId }),
          );
        };
        let status: ApplicationStatus = "draft";
        for (const turn of turns) {
          const outcomes = await Promise.all(turn.map(perform));
          const reached = (await student.rpc.applications.get.query({ applicationId })).status;
          expect(endings(status, turn)).toContainEqual({ outcomes, status: reached });
          status = reached;
        }

        const [, ...steps] = await explainedSteps(student, applicationId);
        for (const step of steps) expect(STEPS).toContain(step);
      }),
      { numRuns: 25 },
    );
  });
});

interface Act {
  readonly by: "student" | "admin";
  readonly to: ApplicationStatus;
}

/** The table of transitions once more, as the design and the README have it. */
const STEPS: ReadonlySet<string> = new Set(
  Object.entries({
    "student: draft": "submitted withdrawn",
    "student: submitted": "withdrawn",
    "student: under_review": "withdrawn",
    "student: interview": "withdrawn",
    "student: accepted": "withdrawn",
    "admin: submitted": "under_review",
    "admin: under_review": "interview accepted rejected waitlisted deferred",
    "admin: interview": "accepted rejected waitlisted deferred",
    "admin: waitlisted": "accepted rejected",
    "admin: deferred": "under_review accepted rejected",
  }).flatMap(([from, to]) => to.split(" ").map((status) => `${from} to ${status}`)),
);

/** What may come of acts at once: what comes of them one after the other, in either order. */
const endings = (from: ApplicationStatus, [one, other]: readonly Act[]) => {
  if (!one) return [];
  const run = (acts: readonly Act[]) => {
    let status = from;
    const outcomes = acts.map(({ by, to }) => {
      if (!STEPS.has(`${by}: ${status} to ${to}`)) return "conflict";
      status = to;
      return "ok";
    });
    return { outcomes, status };
  };
  if (!other) return [run([one])];
  const reversed = run([other, one]);
  return [run([one, other]), { ...reversed, outcomes: reversed.outcomes.toReversed() }];
};

/** Those of the chain more often, so that sequences come far. */
const someAct: fc.Arbitrary<Act> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Act>({ by: "student", to: "submitted" }) },
  { weight: 1, arbitrary: fc.constant<Act>({ by: "student", to: "withdrawn" }) },
  { weight: 3, arbitrary: fc.constant<Act>({ by: "admin", to: "under_review" }) },
  {
    weight: 5,
    arbitrary: fc
      .constantFrom<ApplicationStatus>(
        "draft",
        "submitted",
        "interview",
        "accepted",
        "rejected",
        "waitlisted",
        "deferred",
        "withdrawn",
      )
      .map((to): Act => ({ by: "admin", to })),
  },
);

/** One act, or two at once. */
const someTurn = fc.array(someAct, { minLength: 1, maxLength: 2 });

const notesOf = async ({ rpc }: Student, applicationId: string): Promise<string | null> =>
  (await rpc.applications.get.query({ applicationId })).fields.notes;
