// Import this first: it replaces the clock before other modules read it.
import "./virtual-time.ts";
import { expect, test } from "vitest";
import { FAULTS } from "./faults.ts";
import { historyToText, runHistories } from "./histories.ts";
import { PLANTED } from "./planted.ts";
import { runHistory, type HistoryReport } from "./history.ts";
import { roundsOf } from "../support/scale.ts";

const HISTORIES = roundsOf({ quick: 250, whole: 1_000 });
/**
 * Every run has the same histories, so a failure is due to a change of the code. `npm run soak -- simulation` makes new
 * ones.
 */
const FIRST_SEED = 1;
/** A generous limit for a machine that is busy with other work. */
const WITHIN_MS = 1_800_000;

/** A planted fault must be found within this many histories. */
const WITHIN_HISTORIES = 150;

/** Seeds of histories that once failed, and why. A change of the list of steps makes other histories of them. */
const FORMER_FAILURES: readonly (readonly [seed: number, what: string])[] = [
  [83, "an answer of the inbox was lost, and the request was not retried"],
  [23, "hints that were missed while another socket was alive were never caught up"],
  [
    987_229_864,
    "an edit that may have been sent was replaced, and a late copy of it arrived after the next one",
  ],
  [1230, "a session that was replaced counted as revoked, and the device wiped itself"],
  [54, "older messages that were read by HTTP made a room look as if it had its newest ones"],
  [264, "three rooms that did not open hid that the user document was connected, and HTTP stayed for good"],
  [586, "the same, with other rooms"],
  [970, "a room whose first sync was swallowed waited five minutes for it"],
];

const chosen = Number(process.env["EDVOYAGE_SIMULATION_SEED"] ?? Number.NaN);

const expectNoViolation = (report: HistoryReport): void => {
  if (report.violations.length > 0) expect.fail(historyToText(report));
};

test.runIf(chosen >= 0)("the history of the chosen seed has no violation", async () => {
  const report = await runHistory(chosen);

  process.stderr.write(`${historyToText(report)}\n`);
  expectNoViolation(report);
});

test.skipIf(chosen >= 0)(
  `[SY17] [SY34] [SY53] in ${HISTORIES} histories all devices agree and nothing acknowledged is lost`,
  async () => {
    const { faults } = await runHistories({
      firstSeed: FIRST_SEED,
      histories: HISTORIES,
      onHistory: expectNoViolation,
    });

    const missing = FAULTS.filter((fault) => faults[fault] === 0);
    expect(missing).toEqual([]);
  },
  WITHIN_MS,
);

test.skipIf(chosen >= 0).each(FORMER_FAILURES)("seed %i has no violation any more: %s", async (seed) => {
  expectNoViolation(await runHistory(seed));
});

test.skipIf(chosen >= 0)("the same seed gives the same history", async () => {
  const seeds = [11, 12, 13, 14, 15];
  const hashes: string[] = [];
  for (const seed of seeds) hashes.push((await runHistory(seed)).hash);

  const again: string[] = [];
  for (const seed of seeds.toReversed()) again.unshift((await runHistory(seed)).hash);

  expect(again).toEqual(hashes);
  expect(new Set(hashes).size).toBe(seeds.length);
});

test.skipIf(chosen >= 0).each(Object.entries(PLANTED))(
  "finds %s",
  async (_name, sabotage) => {
    const found: string[] = [];
    for (let seed = 1; seed <= WITHIN_HISTORIES && found.length === 0; seed += 1) {
      found.push(...(await runHistory(seed, { sabotage })).violations);
    }

    expect(found).not.toEqual([]);
  },
  WITHIN_MS,
);
