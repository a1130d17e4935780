import { expect, test } from "vitest";
import { retryAfterSecondsOf } from "./retry-after.ts";

const NOW = Date.UTC(2026, 8, 1, 8);

const secondsOf = (headers: Record<string, string>): number | undefined =>
  retryAfterSecondsOf({ headers: new Headers(headers) }, { now: NOW, maxSeconds: 300 });

test.each([
  ["a number", { "retry-after": "7" }, 7],
  ["a number with spaces around it", { "retry-after": " 7 " }, 7],
  ["zero", { "retry-after": "0" }, 0],
  ["more than the longest wait", { "retry-after": "86400" }, 300],
  ["more digits than a number can hold", { "retry-after": "9".repeat(400) }, 300],
  ["a date", { "retry-after": "Tue, 01 Sep 2026 08:00:30 GMT" }, 30],
  ["a date in the past", { "retry-after": "Tue, 01 Sep 2026 07:00:00 GMT" }, 0],
  ["a date after the longest wait", { "retry-after": "Thu, 31 Dec 2037 23:59:59 GMT" }, 300],
  [
    "a date of a proxy whose clock differs from the device's",
    { "retry-after": "Wed, 02 Sep 2026 08:00:30 GMT", date: "Wed, 02 Sep 2026 08:00:00 GMT" },
    30,
  ],
  ["a date with a damaged Date", { "retry-after": "Tue, 01 Sep 2026 08:00:30 GMT", date: "yesterday" }, 30],
  ["no header", {}, undefined],
  ["an empty header", { "retry-after": "" }, undefined],
  ["a negative number", { "retry-after": "-5" }, undefined],
  ["a fraction", { "retry-after": "1.5" }, undefined],
  ["two numbers", { "retry-after": "5, 6" }, undefined],
  ["words", { "retry-after": "soon" }, undefined],
  ["a date without a time", { "retry-after": "2026-09-01" }, undefined],
  ["a date that does not exist", { "retry-after": "Tue, 99 Foo 2026 08:00:30 GMT" }, undefined],
])("an answer with %s in Retry-After asks for the right wait", (_what, headers, seconds) => {
  expect(secondsOf(headers)).toBe(seconds);
});
