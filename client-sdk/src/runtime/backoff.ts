import { randomFraction, type RandomBytes } from "./ids.ts";

const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
/** Prevents a loop without any delay. */
const SHORTEST_MS = 100;

/**
 * Returns the delay in milliseconds after a number of consecutive failures: random up to a limit that doubles each time, at
 * most one minute ("full jitter", as measured in AWS's "Exponential Backoff And Jitter"), so that devices that failed together
 * do not come back together. `atLeastMs`, the server's minimum, is added to it.
 */
export const backoffMs = (
  failures: number,
  { randomBytes, atLeastMs = 0 }: { readonly randomBytes: RandomBytes; readonly atLeastMs?: number },
): number => {
  const limit = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 16));
  return Math.round(atLeastMs + Math.max(SHORTEST_MS, limit * randomFraction(randomBytes)));
};
