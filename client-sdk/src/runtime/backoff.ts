import { randomFraction, type RandomBytes } from "./ids.ts";

const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
/** So that a loop without a wait cannot come about. */
const SHORTEST_MS = 100;

/**
 * How long to wait after so many failures in a row, in milliseconds: anything up to a limit that doubles each time, to
 * a minute ("full jitter", as measured in AWS's "Exponential Backoff And Jitter": devices that failed together do not
 * come back together). At least what the server asked for.
 */
export const backoffMs = (
  failures: number,
  { randomBytes, atLeastMs = 0 }: { readonly randomBytes: RandomBytes; readonly atLeastMs?: number },
): number => {
  const limit = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 16));
  return Math.round(atLeastMs + Math.max(SHORTEST_MS, limit * randomFraction(randomBytes)));
};
