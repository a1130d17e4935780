import { expect, test } from "vitest";
import { createKillMoments, killMomentsToText, withKillMoments } from "../support/kill-moments.ts";

const RANGE = { leastMs: 20, mostMs: 500 };
const KILLS = [0, 1, 2, 3, 4];

test("two runs with the same seed kill at the same moments, even if one had to wait longer for a kill", () => {
  const [one, other, different] = [createKillMoments(7), createKillMoments(7), createKillMoments(8)];
  const firstDelays = KILLS.map((kill) => one.delayMs(kill, RANGE));

  const again = KILLS.map((kill) => {
    const delayMs = other.delayMs(kill, RANGE);
    if (kill === 1) other.delayMs(kill, RANGE);
    return delayMs;
  });

  expect(again).toEqual(firstDelays);
  expect(new Set(firstDelays).size).toBe(KILLS.length);
  expect(KILLS.map((kill) => different.delayMs(kill, RANGE))).not.toEqual(firstDelays);
  for (const delayMs of firstDelays) expect(delayMs).toBeGreaterThanOrEqual(RANGE.leastMs);
  for (const delayMs of firstDelays) expect(delayMs).toBeLessThanOrEqual(RANGE.mostMs);
});

test("a run that fails names its seed and its moments in the error", async () => {
  let told = "";

  const failed = withKillMoments(async (moments) => {
    moments.delayMs(0, RANGE);
    moments.delayMs(1, RANGE);
    told = killMomentsToText(moments);
    throw new Error("A message is lost");
  });

  await expect(failed).rejects.toThrow(`A message is lost\n${told}`);
  expect(told).toMatch(
    /^The seed of the kills is (\d+)\. .*0: [\d.]+ ms, 1: [\d.]+ ms.*EDVOYAGE_KILL_SEED=\1$/,
  );
});
