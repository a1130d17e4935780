import type { Database, Prepared, SqlValue } from "@edvoyage/db";
import type { SessionId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { createSessionEnds } from "./session-ends.ts";

interface Present {
  readonly next: number | null;
  readonly now: number;
  readonly session_id: string | null;
}

const MINUTES = 60_000;

/** The ends of a database whose answers and clock the test sets. */
const createScene = () => {
  const time = { now: 1_000_000, databaseNow: 5_000_000 };
  const reads: unknown[] = [];
  let answer: () => Promise<readonly Present[]> = async () => [];
  const all = async <Params extends Readonly<Record<string, SqlValue>>, Row>(
    _query: Prepared<Params, Row>,
    params: Params,
  ): Promise<Row[]> => {
    reads.push(params["from"]);
    return (await answer()) as unknown as Row[];
  };
  const heard: SessionId[] = [];
  const gaps: number[] = [];
  const tasks: Promise<unknown>[] = [];
  let gapError: Error | undefined;
  const ends = createSessionEnds({
    database: { dialect: "sqlite", read: { all } as unknown as Database["read"] },
    clock: { now: () => time.now, monotonicNow: () => time.now, every: () => () => {} },
    onEnd: (id) => heard.push(id),
    onGap: async () => {
      gaps.push(time.now);
      if (gapError) throw gapError;
    },
    background: (task) => void tasks.push(task.catch((error: unknown) => error)),
  });
  const present = (next: number | null, ids: readonly (string | null)[] = [null]) => {
    answer = async () => ids.map((id) => ({ next, now: time.databaseNow, session_id: id }));
  };
  present(7);
  return {
    ends,
    time,
    reads,
    heard,
    gaps,
    tasks,
    present,
    failGaps: (error: Error | undefined) => (gapError = error),
    answerWith: (next: typeof answer) => (answer = next),
    /** Moves both clocks. */
    pass: (ms: number) => {
      time.now += ms;
      time.databaseNow += ms;
    },
  };
};

test("knows the ends for less than a second after a poll began", async () => {
  const { ends, pass, time } = createScene();
  expect(ends.areKnown()).toBe(false);

  await ends.poll();

  expect(ends.areKnown()).toBe(true);
  pass(999);
  expect(ends.areKnown()).toBe(true);
  pass(1);
  expect(ends.areKnown()).toBe(false);
  time.now -= 1_001;
  expect(ends.areKnown()).toBe(false);
});

test("starts from now, and reads on from the position of the last answer", async () => {
  const { ends, reads, present } = createScene();
  present(null);
  await ends.poll();
  present(7);
  await ends.poll();
  present(null);
  await ends.poll();
  await ends.poll();

  expect(reads).toEqual([Number.MAX_SAFE_INTEGER, 0, 7, 7]);
});

test("reports an end at 150 polls", async () => {
  const { ends, heard, present } = createScene();
  await ends.poll();
  present(8, ["a"]);
  await ends.poll();
  present(8, [null]);
  for (let polls = 0; polls < 200; polls += 1) await ends.poll();

  expect(heard).toEqual(Array.from({ length: 150 }, () => "a"));
});

test("reports a gap at the first poll only while polls follow each other", async () => {
  const { ends, gaps, pass } = createScene();

  await ends.poll();
  expect(gaps).toHaveLength(1);
  await ends.poll();
  pass(10 * MINUTES - 1);
  await ends.poll();

  expect(gaps).toHaveLength(1);
});

test.each<[string, (scene: ReturnType<typeof createScene>) => void]>([
  ["ten minutes have passed", ({ pass }) => pass(10 * MINUTES)],
  ["ten minutes have passed at the server alone", ({ time }) => (time.now += 10 * MINUTES)],
  ["the server's clock was set back by ten minutes", ({ time }) => (time.now -= 10 * MINUTES)],
  ["ten minutes have passed at the database alone", ({ time }) => (time.databaseNow += 10 * MINUTES)],
  ["the database's clock was set back by ten minutes", ({ time }) => (time.databaseNow -= 10 * MINUTES)],
  ["the database has a lower position", ({ present }) => present(6)],
])("reports a gap after %s", async (_what, happen) => {
  const scene = createScene();
  await scene.ends.poll();

  happen(scene);
  await scene.ends.poll();

  expect(scene.gaps).toHaveLength(2);
  await scene.ends.poll();
  expect(scene.gaps).toHaveLength(2);
});

test("knows nothing after a failed read, and reports a gap with the next answer", async () => {
  const { ends, gaps, answerWith, present } = createScene();
  await ends.poll();
  answerWith(async () => Promise.reject(new Error("down")));

  await expect(ends.poll()).rejects.toThrow("down");

  expect(ends.areKnown()).toBe(false);
  present(7);
  await ends.poll();
  expect(gaps).toHaveLength(2);
  expect(ends.areKnown()).toBe(true);
});

test("fails when the database returns no position", async () => {
  const { ends, answerWith } = createScene();
  answerWith(async () => []);

  await expect(ends.poll()).rejects.toThrow("no position");
});

test("knows nothing while a gap could not be checked, and checks it again", async () => {
  const { ends, gaps, failGaps, tasks } = createScene();
  const error = new Error("down");
  failGaps(error);
  await ends.poll();
  expect(await Promise.all(tasks)).toEqual([error]);
  expect(ends.areKnown()).toBe(false);

  failGaps(undefined);
  await ends.poll();

  expect(gaps).toHaveLength(2);
  expect(ends.areKnown()).toBe(true);
});

test("shares a read for a second, then starts another one", async () => {
  const { ends, reads, answerWith, present, pass } = createScene();
  answerWith(() => new Promise(() => {}));
  void ends.poll();
  pass(999);
  void ends.poll();
  expect(reads).toHaveLength(1);

  pass(1);
  present(7);
  await ends.poll();
  await ends.poll();

  expect(reads).toHaveLength(3);
});

test("a read that ends late does not make the next poll forget the read that replaced it", async () => {
  const { ends, reads, answerWith, pass } = createScene();
  const answers: (() => void)[] = [];
  answerWith(
    () => new Promise((resolve) => answers.push(() => resolve([{ next: 7, now: 1, session_id: null }]))),
  );
  const late = ends.poll();
  pass(1_000);
  const current = ends.poll();

  answers[0]?.();
  await late;
  const shared = ends.poll();
  answers[1]?.();
  await Promise.all([current, shared]);

  expect(reads).toHaveLength(2);
});
