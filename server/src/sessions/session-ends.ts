import type { Database } from "@edvoyage/db";
import type { SessionId } from "@edvoyage/protocol";
import { MINUTE_MS, type Clock } from "../platform/clock.ts";
import { endsFrom } from "./session-ends.store.ts";

/** Follows the sessions that any process ended. Reads them by position, so that no two clocks are compared. */
export interface SessionEnds {
  /**
   * Checks whether all ends up to a second ago are known. Only then may a request be answered from memory. Returns `false`
   * after the process was paused, while polls fail, and after the clock was set.
   */
  areKnown(): boolean;
  /** Reads the ends since the last successful read. Concurrent calls share one read. */
  poll(): Promise<void>;
}

export interface SessionEndsDeps {
  readonly database: Pick<Database, "read" | "dialect">;
  readonly clock: Clock;
  /** Called for every end, many times. */
  readonly onEnd: (id: SessionId) => void;
  /**
   * Called when ends may have been missed: sessions in memory must not be trusted any more. Runs in the background of the
   * poll. If it fails, the next poll calls it again.
   */
  readonly onGap: () => Promise<void>;
  /** Runs a task that no reply waits for. */
  readonly background: (task: Promise<unknown>) => void;
}

/** How long a poll is trusted: the server promises to refuse an ended session within a second. */
const KNOWN_FOR_MS = 1_000;
/** The longest gap that the table of ends bridges. It keeps rows for an hour (`pruneSessionEnds`). */
const BRIDGED_MS = 10 * MINUTE_MS;
/**
 * How many polls report the same end; about a minute. A row that was read before the end may come into memory, or its
 * socket may open, after the end was first reported.
 */
const REPORTS_PER_END = 150;
/** Higher than every position: the first poll needs no earlier ends, because nothing is in memory yet. */
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
        // The next answer may come from a replica that was promoted and lacks some rows of this server.
        mayHaveMissed = true;
        throw error;
      });
    const [present] = rows;
    if (!present) throw new Error("The table of ended sessions returned no position");
    // The table is empty: rows that are written later get positions that were never used.
    const next = present.next ?? before?.next ?? 0;
    const isBridged =
      !mayHaveMissed &&
      before !== undefined &&
      // A lower position means that the database was restored or replaced by a copy.
      next >= before.next &&
      Math.abs(at - before.at) < BRIDGED_MS &&
      Math.abs(present.now - before.databaseAt) < BRIDGED_MS;
    last = { next, at, databaseAt: present.now };
    if (!isBridged) background(recheck());
    for (const { session_id: id } of rows) if (id !== null) timesLeftById.set(id, REPORTS_PER_END);
    for (const [id, timesLeft] of timesLeftById) {
      if (timesLeft > 1) timesLeftById.set(id, timesLeft - 1);
      else timesLeftById.delete(id);
      onEnd(id);
    }
  };

  return {
    areKnown: () => last !== undefined && !mayHaveMissed && isRecent(last.at),
    poll: () => {
      // A read that hangs on a dead connection must not hold up all later ones.
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

/** Checks whether the elapsed time is below the limit. A negative time is not: the clock was set back. */
const isWithin = (elapsedMs: number, limitMs: number): boolean => elapsedMs >= 0 && elapsedMs < limitMs;
