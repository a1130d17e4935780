import { describe, expect, test } from "vitest";
import { durationToText, instantAndDistance, instantToText, relativeToNow } from "./time.ts";

const NOW = new Date(2026, 10, 23, 3, 17).getTime();
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test("formats an instant in the time zone of this machine", () => {
  expect(instantToText(new Date(2026, 0, 2, 3, 4, 5).getTime())).toBe("2026-01-02 03:04");
});

describe("relativeToNow", () => {
  test.each([
    ["formats less than a second ago as now", -999, "now"],
    ["formats seconds ago", -45 * SECOND, "45 s ago"],
    ["formats the past in its largest unit", -(2 * MINUTE + 50 * SECOND), "2 min ago"],
    ["formats hours ago", -5 * HOUR, "5 h ago"],
    ["formats one day ago", -DAY, "1 day ago"],
    ["formats days ago", -40 * DAY, "40 days ago"],
    ["formats the future in two units", 4 * MINUTE + 12 * SECOND, "in 4 min 12 s"],
    ["leaves out a unit that is zero", 5 * MINUTE, "in 5 min"],
    ["uses only the next smaller unit as the second one", DAY + 5 * MINUTE, "in 1 day"],
    ["formats days in the future", 29 * DAY + 3 * HOUR, "in 29 days 3 h"],
  ])("%s", (_fact, differenceMs, text) => {
    expect(relativeToNow(NOW + differenceMs, NOW)).toBe(text);
  });
});

test("formats an instant with its distance from now", () => {
  expect(instantAndDistance(NOW - 2 * MINUTE, NOW)).toBe("2026-11-23 03:15 (2 min ago)");
});

test("formats less than a second as 0 s", () => {
  expect(durationToText(999, 2)).toBe("0 s");
});
