import type { Database } from "@edvoyage/db";
import type { SessionId } from "@edvoyage/protocol";
import { MINUTE_MS, type Clock } from "../platform/clock.ts";
import { endsFrom } from "./session-ends.store.ts";

/** Follows the log of ended sessions, whichever process wrote to it, by position: no two clocks are compared. */
export interface SessionEnds {
  /**
   * Whether all ends up to a second ago are known: only then may a request be answered from memory. `false` after the
   * process was paused, while polls fail, and when the clock was set.
   */
  areKnown(): boolean;
  /** Reads what was logged since the last successful read. Calls that overlap share one read. */
  poll(): Promise<void>;
}

export interface SessionEndsDeps {
  readonly database: Pick<Database, "read" | "dialect">;
  readonly clock: Clock;
  /** Told of every end, many times. */
  readonly onEnd: (id: SessionId) => void;
  /**
   * Called when ends may have been missed: nothing that memory says of a session is to be believed. What it returns runs
   * behind the poll; when it fails, it is called again.
   */
  readonly onGap: () => Promise<void>;
  /** Runs what no reply waits for. */
  readonly background: (task: Promise<unknown>) => void;
}

/** Older knowledge is not trusted: the promise is that a session which was ended is refused within a second. */
const KNOWN_FOR_MS = 1_000;
/** The log is kept for an hour (`pruneSessionEnds`); a node that was away for longer than this does not rely on it. */
const BRIDGED_MS = 10 * MINUTE_MS;
/**
 * An end is told again at this many polls, about a minute of them: a row that was read before the end may come into memory,
 * or its socket be opened, after the end was told.
 */
const TOLD_TIMES = 150;
/** No position is as high: at the first poll nothing is in memory yet. */
const FROM_NOW = Number.MAX_SAFE_INTEGER;

export const createSessionEnds = (deps: SessionEndsDeps): SessionEnds => {
  const { database, clock, onEnd, onGap, background } = deps;
  const query = endsFrom(database.dialect);
  const timesLeftById = new Map<SessionId, number>();
  /** The last successful poll. `at` is when it began, by the clocks of this node and of the database. */
  let last: { readonly next: number; readonly at: number; readonly databaseAt: number } | undefined;
  let mayHaveMissed = false;
  let running: { readonly startedAt: number; readonly done: Promise<void> } | undefined;

  const isRecent = (at: number): boolean => isWithin(clock.now() - at, KNOWN_FOR_MS);

  const recheck = async (): Promise<void> => {
    mayHaveMissed = false;
    await onGap().catch((error: unknown) => {
      mayHaveMissed = true;
      throw error;
    });
  };

  const read = async (at: number): Promise<void> => {
    const before = last;
    const rows = await database.read
      .all(query, { from: before?.next ?? FROM_NOW })
      .catch((error: unknown) => {
        // What answers next may be another server, which was promoted and does not know all that this one did.
        mayHaveMissed = true;
        throw error;
      });
    const [present] = rows;
    if (!present) throw new Error("The log of ended sessions gave no position");
    // An empty log: what is written to it later gets a position that was never used.
    const next = present.next ?? before?.next ?? 0;
    const isBridged =
      !mayHaveMissed &&
      before !== undefined &&
      // A lower one: the database was restored, or replaced by a copy.
      next >= before.next &&
      Math.abs(at - before.at) < BRIDGED_MS &&
      Math.abs(present.now - before.databaseAt) < BRIDGED_MS;
    last = { next, at, databaseAt: present.now };
    if (!isBridged) background(recheck());
    for (const { session_id: id } of rows) if (id !== null) timesLeftById.set(id, TOLD_TIMES);
    for (const [id, timesLeft] of timesLeftById) {
      if (timesLeft > 1) timesLeftById.set(id, timesLeft - 1);
      else timesLeftById.delete(id);
      onEnd(id);
    }
  };

  return {
    areKnown: () => last !== undefined && !mayHaveMissed && isRecent(last.at),
    poll: () => {
      // One that hangs, on a connection that nobody answers on, does not hold up all that come after it.
      if (running && isRecent(running.startedAt)) return running.done;
      const startedAt = clock.now();
      const started = {
        startedAt,
        done: read(startedAt).finally(() => {
          if (running === started) running = undefined;
        }),
      };
      running = started;
      return started.done;
    },
  };
};

/** Negative, too, is no short while: the clock was set back. */
const isWithin = (elapsedMs: number, limitMs: number): boolean => elapsedMs >= 0 && elapsedMs < limitMs;
