import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "@edvoyage/db";
import { expect, onTestFinished, test } from "vitest";
import { HOUR_MS, MINUTE_MS } from "./clock.ts";
import { createSteadyClock } from "./steady-clock.ts";

const START = Date.UTC(2026, 8, 1, 8);

/** Nodes on one database, each with a system clock of its own. Time passes for all of them. */
const createScene = async () => {
  const folder = mkdtempSync(join(tmpdir(), "edvoyage-clock-"));
  const database = await openDatabase(`sqlite:${join(folder, "clock.sqlite")}`);
  onTestFinished(async () => {
    await database.close();
    rmSync(folder, { recursive: true });
  });
  let passedMs = 0;
  const writes = { count: 0 };
  const createNode = async (offsetMs = 0) => {
    const system = { offsetMs };
    const clock = {
      now: () => START + passedMs + system.offsetMs,
      monotonicNow: () => passedMs,
      every: () => () => {},
    };
    const write: typeof database.write = (task) => {
      writes.count += 1;
      return database.write(task);
    };
    const steady = await createSteadyClock({ clock, database: { write } });
    return { steady, setBack: (ms: number) => void (system.offsetMs -= ms), now: () => steady.now() - START };
  };
  return { createNode, pass: (ms: number) => void (passedMs += ms), writes };
};

test("[SY59] a clock that is set back runs at half the speed until the system's clock has caught up", async () => {
  const { createNode, pass } = await createScene();
  const { now, setBack } = await createNode();
  pass(MINUTE_MS);
  const before = now();

  setBack(MINUTE_MS);
  const after = now();
  pass(MINUTE_MS);
  const halfway = now();
  pass(MINUTE_MS);
  const caughtUp = now();
  pass(MINUTE_MS);

  expect([before, after, halfway, caughtUp, now()]).toEqual(
    [1, 1, 1.5, 2, 3].map((minutes) => minutes * MINUTE_MS),
  );
});

test("[SY59] a clock that is set back by more than an hour is followed", async () => {
  const { createNode, pass } = await createScene();
  const { now, setBack } = await createNode();
  now();

  setBack(2 * HOUR_MS);
  pass(1_000);

  expect(now()).toBe(1_000 - 2 * HOUR_MS);
});

test("[SY59] a node takes over a later time of another, and its own after a restart", async () => {
  const { createNode, pass } = await createScene();
  const ahead = await createNode(MINUTE_MS);
  const behind = await createNode();
  pass(1_000);
  ahead.now();
  await ahead.steady.agree();
  behind.now();

  await behind.steady.agree();
  const restarted = await createNode(-10 * MINUTE_MS);

  expect(behind.now()).toBe(MINUTE_MS + 1_000);
  expect(restarted.now()).toBe(MINUTE_MS + 1_000);
});

test("[SY59] a node does not take over a time that is more than an hour ahead, and corrects it", async () => {
  const { createNode } = await createScene();
  await createNode(2 * HOUR_MS);

  const node = await createNode();
  const other = await createNode(-MINUTE_MS);

  expect([node.now(), other.now()]).toEqual([0, 0]);
});

test("a clock that nobody reads writes nothing", async () => {
  const { createNode, writes } = await createScene();
  const { steady } = await createNode();
  await steady.agree();
  const before = writes.count;

  await steady.agree();

  expect(writes.count).toBe(before);
});
