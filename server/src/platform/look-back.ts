import { MINUTE_MS, type Clock } from "./clock.ts";

/**
 * Reads what other nodes wrote, by the instants that their rows bear, without losing what came while this node was paused or
 * could not read: the next read reaches back to the last successful one. Reads no further back than ten minutes: sockets that
 * are older than that have been closed for saying nothing.
 */
export interface LookBack {
  /** Runs a read from an instant on; what it throws is thrown. */
  read<T>(from: (since: number) => Promise<T>): Promise<T>;
}

const MAX_GAP_MS = 10 * MINUTE_MS;

/** `overlapMs`: a commit may come later than its instant, and another node's clock may be behind. */
export const createLookBack = (clock: Clock, overlapMs: number): LookBack => {
  let readAt = clock.now();
  return {
    read: async (from) => {
      const now = clock.now();
      // The earlier one, also after the clock was set back.
      const value = await from(Math.max(Math.min(now, readAt), now - MAX_GAP_MS) - overlapMs);
      readAt = now;
      return value;
    },
  };
};
