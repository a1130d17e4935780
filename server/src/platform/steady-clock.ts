import { prepare, type Database } from "@edvoyage/db";
import { HOUR_MS, type Clock } from "./clock.ts";

/**
 * A clock for the instants that devices ask changes by. It does not go back when the system's clock does: a device that
 * asks for what changed since 12:00 would never hear of a message that was stored at "11:59" a minute later.
 */
export interface SteadyClock extends Clock {
  /**
   * Stores the time in the database if it was read since the last call, and takes over a later one: of another node, or
   * of this one before a restart. Call it at least every `AGREE_EVERY_MS`.
   */
  agree(): Promise<void>;
}

/** Shorter than the 10 seconds by which devices ask for more than they need, with time for the write. */
export const AGREE_EVERY_MS = 5_000;
/**
 * The most that it runs ahead of the system's clock, at half the speed, until that has caught up. A clock that was put back further
 * was wrong before: devices notice a server time before their last one, and ask for everything.
 */
const MAX_AHEAD_MS = HOUR_MS;

const agree = prepare<{ now: number; max: number }>()((query, param) =>
  query
    .updateTable("database_epoch")
    .set((eb) => ({
      clock_at: eb
        .case()
        .when(eb.or([eb("clock_at", "<", param.now), eb("clock_at", ">", param.max)]))
        .then(param.now)
        .else(eb.ref("clock_at"))
        .end(),
    }))
    .where("id", "=", 1)
    .returning("clock_at"),
);

/** Creates the clock, at or after the time in the database. */
export const createSteadyClock = async ({
  clock,
  database,
}: {
  readonly clock: Clock;
  readonly database: Pick<Database, "write">;
}): Promise<SteadyClock> => {
  let readAt = clock.monotonicNow();
  let latest = 0;
  let isRead = true;

  /** Returns the time. It is `latest` or after it, unless that is too far ahead of the system's clock. */
  const read = (): number => {
    const [monotonicNow, systemNow] = [clock.monotonicNow(), clock.now()];
    const slowed = latest + (monotonicNow - readAt) / 2;
    readAt = monotonicNow;
    latest = slowed - systemNow > MAX_AHEAD_MS ? systemNow : Math.max(systemNow, slowed);
    return Math.floor(latest);
  };

  const steady: SteadyClock = {
    now: () => {
      isRead = true;
      return read();
    },
    monotonicNow: clock.monotonicNow,
    every: clock.every,
    agree: async () => {
      if (!isRead) return;
      isRead = false;
      const now = read();
      const stored = await database
        .write((tx) => tx.first(agree, { now, max: now + MAX_AHEAD_MS }))
        .catch((error: unknown) => {
          isRead = true;
          throw error;
        });
      if (!stored) throw new Error("The database has no epoch");
      latest = Math.max(latest, stored.clock_at);
    },
  };
  await steady.agree();
  return steady;
};
