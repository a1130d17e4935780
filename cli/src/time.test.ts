import { describe, expect, test } from "vitest";
import { durationToText, instantAndDistance, instantToText, relativeToNow } from "./time.ts";

const NOW = new Date(2026, 10, 23, 3, 17).getTime();
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test("an instant is told by the clock of this machine", () => {
  expect(instantToText(new Date(2026, 0, 2, 3, 4, 5).getTime())).toBe("2026-01-02 03:04");
});

describe("relativeToNow", () => {
  test.each([
    ["a moment ago is now", -999, "now"],
    ["seconds ago", -45 * SECOND, "45 s ago"],
    ["what is past is told in its largest unit", -(2 * MINUTE + 50 * SECOND), "2 min ago"],
    ["hours ago", -5 * HOUR, "5 h ago"],
    ["one day ago", -DAY, "1 day ago"],
    ["days ago", -40 * DAY, "40 days ago"],
    ["what is to come is told in two units", 4 * MINUTE + 12 * SECOND, "in 4 min 12 s"],
    ["a unit that is zero is left out", 5 * MINUTE, "in 5 min"],
    ["the second unit is the next one down", DAY + 5 * MINUTE, "in 1 day"],
    ["days to come", 29 * DAY + 3 * HOUR, "in 29 days 3 h"],
  ])("%s", (_fact, differenceMs, text) => {
    expect(relativeToNow(NOW + differenceMs, NOW)).toBe(text);
  });
});

test("an instant is told with how far it is", () => {
  expect(instantAndDistance(NOW - 2 * MINUTE, NOW)).toBe("2026-11-23 03:15 (2 min ago)");
});

test("less than a second is no time", () => {
  expect(durationToText(999, 2)).toBe("0 s");
});
