// First: it takes the clock over before others look at it.
import "./virtual-time.ts";
import { expect, test } from "vitest";
import { FAULTS } from "./faults.ts";
import { historyToText, runHistories } from "./histories.ts";
import { PLANTED } from "./planted.ts";
import { runHistory, type HistoryReport } from "./history.ts";
import { roundsOf } from "../support/scale.ts";

const HISTORIES = roundsOf({ quick: 250, whole: 1_000 });
/** The same histories at each run: one that goes wrong has to do with what was changed. `npm run soak -- simulation` makes new ones. */
const FIRST_SEED = 1;
/** Of a machine that does other things as well. */
const WITHIN_MS = 1_800_000;

/** A planted fault is to be found within so many. */
const WITHIN_HISTORIES = 30;

/** Seeds of histories that went wrong once, with what was wrong. Another list of steps makes other histories of them. */
const ONCE_WRONG: readonly (readonly [seed: number, what: string])[] = [
  [83, "an answer of the inbox got lost, and it was not asked again"],
  [23, "hints that were missed while another socket was alive were not made up for"],
  [
    987_229_864,
    "an edit that may have been sent was replaced, and a late copy of it came after the next one",
  ],
  [1230, "a session that was replaced counted as revoked, and the device wiped itself"],
];

const chosen = Number(process.env["EDVOYAGE_SIMULATION_SEED"] ?? Number.NaN);

const expectWell = (report: HistoryReport): void => {
  if (report.violations.length > 0) expect.fail(historyToText(report));
};

test.runIf(chosen >= 0)("the history of the chosen seed goes well", async () => {
  const report = await runHistory(chosen);

  process.stderr.write(`${historyToText(report)}\n`);
  expectWell(report);
});

test.skipIf(chosen >= 0)(
  `in ${HISTORIES} histories all devices agree and nothing acknowledged is lost`,
  async () => {
    const { faults } = await runHistories({
      firstSeed: FIRST_SEED,
      histories: HISTORIES,
      onHistory: expectWell,
    });

    const missing = FAULTS.filter((fault) => faults[fault] === 0);
    expect(missing).toEqual([]);
  },
  WITHIN_MS,
);

test.skipIf(chosen >= 0).each(ONCE_WRONG)("seed %i goes well: %s", async (seed) => {
  expectWell(await runHistory(seed));
});

test.skipIf(chosen >= 0)("the same seed is the same history", async () => {
  const seeds = [11, 12, 13, 14, 15];
  const hashes: string[] = [];
  for (const seed of seeds) hashes.push((await runHistory(seed)).hash);

  const again: string[] = [];
  for (const seed of seeds.toReversed()) again.unshift((await runHistory(seed)).hash);

  expect(again).toEqual(hashes);
  expect(new Set(hashes).size).toBe(seeds.length);
});

test.skipIf(chosen >= 0).each(Object.entries(PLANTED))("finds %s", async (_name, sabotage) => {
  const found: string[] = [];
  for (let seed = 1; seed <= WITHIN_HISTORIES && found.length === 0; seed += 1) {
    found.push(...(await runHistory(seed, { sabotage })).violations);
  }

  expect(found).not.toEqual([]);
});
