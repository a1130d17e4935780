import { expect, test } from "vitest";
import { retryAfterOf } from "./retry-after.ts";

const responseWith = (status: number, retryAfter?: string): Response =>
  new Response(null, { status, headers: retryAfter === undefined ? {} : { "retry-after": retryAfter } });

test.each([
  ["waits as long as the service says", responseWith(503, "7"), 7_000],
  ["retries at once when the service says so", responseWith(503, "0"), 0],
  ["waits an hour at most", responseWith(503, "3601"), 3_600_000],
  ["waits a minute after a 429 that names no time", responseWith(429), 60_000],
  ["waits a minute after a 429 whose time cannot be read", responseWith(429, "soon"), 60_000],
  ["waits as long as a 429 says", responseWith(429, "1"), 1_000],
  ["has no time of its own for other refusals", responseWith(503), undefined],
  ["ignores a negative time", responseWith(503, "-1"), undefined],
  ["ignores a time without an end", responseWith(503, "Infinity"), undefined],
])("%s", (_name, response, waitMs) => {
  expect(retryAfterOf(response)).toBe(waitMs);
});
