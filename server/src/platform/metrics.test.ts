import { expect, test } from "vitest";
import { createMetrics } from "./metrics.ts";

/** Creates metrics over a fake database that counts its queries. After `fail(error)`, queries throw `error`. */
const createTestMetrics = () => {
  let now = 0;
  let failure: Error | undefined;
  const queryCounts = { sessions: 0, students: 0, pushes: 0 };
  /** Returns how often this query has run, this time included. */
  const answer = async (query: keyof typeof queryCounts): Promise<number> => {
    queryCounts[query] += 1;
    if (failure) throw failure;
    return queryCounts[query];
  };
  const metrics = createMetrics({
    clock: { now: () => now, monotonicNow: () => now, every: () => () => {} },
    pushProvider: undefined,
    countSockets: () => 0,
    countLiveSessions: () => answer("sessions"),
    countActiveStudents: () => answer("students"),
    countPushes: async () => ({ pending: await answer("pushes"), dead: 0 }),
  });
  return {
    queryCounts,
    text: async () => (await metrics.text()).body,
    advance: (ms: number) => void (now += ms),
    fail: (error: Error | undefined) => void (failure = error),
  };
};

test("queries the database at most once a minute for students and once a second for the rest, however many scrapes come", async () => {
  const { queryCounts, text, advance } = createTestMetrics();

  await Promise.all(Array.from({ length: 100 }, text));
  expect(queryCounts).toEqual({ sessions: 1, students: 1, pushes: 1 });

  advance(999);
  await text();
  expect(queryCounts).toEqual({ sessions: 1, students: 1, pushes: 1 });

  advance(1);
  await Promise.all([text(), text()]);
  expect(queryCounts).toEqual({ sessions: 2, students: 1, pushes: 2 });

  advance(58_999);
  expect(await text()).toMatch(/^edvoyage_students_active 1$/m);
  advance(1);
  expect(await text()).toMatch(/^edvoyage_students_active 2$/m);
});

test("queries the database again at once after a failure", async () => {
  const { text, fail } = createTestMetrics();
  fail(new Error("the database is away"));
  await expect(text()).rejects.toThrow("the database is away");

  fail(undefined);

  expect(await text()).toMatch(/^edvoyage_sessions_active 2$/m);
});
