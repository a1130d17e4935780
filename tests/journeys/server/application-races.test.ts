import { refusalOf } from "@edvoyage/client-sdk/rpc";
import type { ApplicationStatus } from "@edvoyage/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCompleteDraft, createSubmitted, someCourses } from "../../support/students/application.ts";
import { DIALECTS, type TestDialect } from "../../support/databases/databases.ts";
import { createStudent, type Student } from "../../support/students/student.ts";
import { createWorld, joinWorld } from "../../support/servers/world.ts";

const limits = { callsPerMinutePerIp: 1_000_000, applicationsPerUser: 1_000 };
const ROUNDS = 12;

/** Two servers on PostgreSQL, one on SQLite. With two, each must see the locks of the other. */
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

/** Asserts that the history begins with the draft, has no gap and ends at the current status; returns its steps. */
const explainedSteps = async ({ rpc }: Student, applicationId: string) => {
  const { items } = await rpc.applications.history.query({ applicationId, limit: 100 });
  const { status } = await rpc.applications.get.query({ applicationId });
  expect(items.map(({ position }) => position)).toEqual(items.map((_, index) => index));
  expect(items.map(({ from }) => from)).toEqual([null, ...items.slice(0, -1).map(({ to }) => to)]);
  expect(items[0]).toMatchObject({ to: "draft", by: "student" });
  expect(items.at(-1)?.to).toBe(status);
  return items.map(({ by, from, to }) => `${by}: ${from} to ${to}`);
};

describe.each(DIALECTS)("an application under concurrent changes, on %s", (dialect) => {
  test("lets either the student's withdrawal or the admin's move win, and report a conflict to the other", async () => {
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

  test("lets one of several decisions and a withdrawal win when none of them names the current status", async () => {
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
      // A waitlisted application may still be rejected: then two steps are taken, both from the table.
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

  test("loses no draft, edit or submission that devices send at once, and takes each only once", async () => {
    const { student, tablet, nextCourse } = await createScene(dialect);
    const devices = [student, tablet].map(({ rpc }) => rpc.applications);
    const onBoth = <Answer>(call: (device: (typeof devices)[number], index: number) => Promise<Answer>) =>
      Array.from({ length: 10 }, (_, index) => call(devices[index % 2] ?? expect.fail(), index));
    const oneOfTen = [...Array.from({ length: 9 }, () => "conflict"), "ok"];

    const courseId = nextCourse();
    expect(await outcomesOf(onBoth((device) => device.create.mutate({ courseId })))).toEqual(oneOfTen);

    const { id: applicationId } = await createCompleteDraft(student, nextCourse());
    expect(
      await outcomesOf(
        onBoth((device, index) => device.update.mutate({ applicationId, changes: { notes: `${index}` } })),
      ),
    ).toEqual(oneOfTen);
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

    expect(await outcomesOf(onBoth((device) => device.submit.mutate({ applicationId })))).toEqual(oneOfTen);
    expect(await explainedSteps(student, applicationId)).toEqual([
      "student: null to draft",
      "student: draft to submitted",
    ]);
  });

  test("stays within the table of transitions under any sequence of acts, alone or two at once", async () => {
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
          expect(allowedOutcomes(status, turn)).toContainEqual({ outcomes, status: reached });
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

/** The table of transitions, written again as the design and the README show it. */
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

/** Every allowed outcome of concurrent acts: the outcome of running them one after the other, in either order. */
const allowedOutcomes = (from: ApplicationStatus, [one, other]: readonly Act[]) => {
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

/** Steps of the usual path come more often, so that sequences get far. */
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
