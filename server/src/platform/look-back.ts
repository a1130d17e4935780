import { MINUTE_MS, type Clock } from "./clock.ts";

/**
 * Reads what other nodes wrote, by the timestamps of their rows. Rows that come while this node is paused or cannot
 * read are not lost: the next read reaches back to the last successful one, but at most ten minutes. Sockets that were
 * open before that have been closed for inactivity.
 */
export interface LookBack {
  /** Runs `from` with the instant to read from. Rethrows its errors; the next read then starts at the same instant. */
  read<T>(from: (since: number) => Promise<T>): Promise<T>;
}

const MAX_GAP_MS = 10 * MINUTE_MS;

/**
 * Creates a look-back. Reads overlap by `overlapMs`: a commit may come after its timestamp, and another node's clock
 * may be behind.
 */
export const createLookBack = (clock: Clock, overlapMs: number): LookBack => {
  let readAt = clock.now();
  return {
    read: async (from) => {
      const now = clock.now();
      // Use the earlier instant, also after the clock was set back.
      const value = await from(Math.max(Math.min(now, readAt), now - MAX_GAP_MS) - overlapMs);
      readAt = now;
      return value;
    },
  };
};
