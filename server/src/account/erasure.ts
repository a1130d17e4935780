import type { Database, UnitOfWork } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";
import type { Audit, AuditActor } from "../audit/audit.ts";
import { DAY_MS, type Clock } from "../platform/clock.ts";
import { AppError } from "../platform/errors.ts";
import { maskPhone } from "../numbers/phone.ts";
import type { ErasurePart, ErasureRun } from "./personal-data.ts";
import { accountQueries as queries } from "./account.store.ts";

/** The progress of an erasure. */
export interface ErasureProgress {
  /** `erased` when the student's last row is gone, `scrubbed` when the database file holds no copy of it any more. */
  readonly state: "erasing" | "erased" | "scrubbed";
  /** Room segments done, out of `planned`; both only grow. They count the work of this process only. */
  readonly done: number;
  readonly planned: number;
  /** The number of erased items by the name of the erasure part. */
  readonly counts: Readonly<Record<string, number>>;
  /** Why the last run failed, in words. The next run, within the hour, continues. */
  readonly failure: string | null;
}

/** Erases students: their rows, the words in their messages, and the bytes of both in the database file. */
export interface Erasure {
  /**
   * Begins an erasure, which cannot be undone: frees the phone number, ends the sessions, and marks the student for `run`.
   * Idempotent. Does nothing when it is neither urgent nor due. Throws `not-found`.
   */
  begin(
    userId: UserId,
    act: { readonly actor: AuditActor; readonly reason?: string | undefined; readonly isUrgent: boolean },
  ): Promise<void>;
  /**
   * Begins every erasure that is due and finishes all that were begun, step by step. Then rewrites the database file, at most
   * once a day unless an erasure was urgent. A call during a run makes it repeat and waits for it.
   */
  run(): Promise<void>;
  /** Returns the progress. Throws `not-found` when the student's erasure never began. */
  progress(userId: UserId): Promise<ErasureProgress>;
  /** Lets the running step finish and starts no further one. */
  close(): void;
}

export interface ErasureDeps {
  readonly database: Database;
  readonly audit: Audit;
  readonly clock: Clock;
  /** The clock for changes that other students' devices are told of. */
  readonly steadyClock: Clock;
  readonly parts: readonly ErasurePart[];
  /** Ends all sessions of a student and closes their sockets. */
  readonly endSessions: (
    tx: UnitOfWork,
    owner: UserId,
    act: { readonly actor: AuditActor; readonly now: number },
  ) => Promise<void>;
  /** Deletes everything that other features keep under a phone number. */
  readonly forgetPhone: (tx: UnitOfWork, phone: string) => Promise<void>;
}

/** At most daily, because writes wait while the database file is rewritten: some seconds per gigabyte. */
const SCRUB_EVERY_MS = DAY_MS;
const MAX_REMEMBERED = 1_000;

interface ErasureCounts {
  done: number;
  planned: number;
  readonly counts: Record<string, number>;
}

export const createErasure = (deps: ErasureDeps): Erasure => {
  const { database, audit, clock, steadyClock, parts } = deps;
  const countedByUser = new Map<UserId, ErasureCounts>();
  let isClosed = false;
  let isUrgent = false;
  let running: Promise<void> | undefined;
  let isCalledAgain = false;
  let failure: string | null = null;

  const countsFor = (userId: UserId): ErasureCounts => {
    const existing = countedByUser.get(userId);
    if (existing) return existing;
    const counted: ErasureCounts = { done: 0, planned: 0, counts: {} };
    countedByUser.set(userId, counted);
    const oldest = countedByUser.keys().next();
    if (countedByUser.size > MAX_REMEMBERED && !oldest.done) countedByUser.delete(oldest.value);
    return counted;
  };

  const begin: Erasure["begin"] = async (userId, { actor, reason, isUrgent: isUrgentRequest }) => {
    const found = await database.read.first(queries.user, { id: userId });
    if (!found) throw new AppError("not-found", "There is no such student.");
    const { phone } = found;
    await database.write(async (tx) => {
      const now = clock.now();
      await tx.lock(`phone:${phone}`);
      const user = await tx.first(queries.user, { id: userId });
      // While this waited for the lock, another call may have begun the erasure or a sign-in may have cancelled it.
      if (user?.phone !== phone || isDetached(user)) return;
      if (!isUrgentRequest && (user.erase_at === null || user.erase_at > now)) return;
      await tx.all(queries.begin, { userId, phone: maskPhone(phone), now });
      await deps.endSessions(tx, userId, { actor, now });
      await tx.all(queries.detachPhone, { id: userId, phone: DETACHED + userId, now });
      await deps.forgetPhone(tx, phone);
      await audit.forgetAddresses(tx, phone);
      await audit.record(tx, { at: now, action: "account.erasure-begun", actor, userId, phone, reason });
    });
    if (isUrgentRequest) isUrgent = true;
  };

  const createRun = (userId: UserId, { name }: ErasurePart): ErasureRun => {
    const counted = countsFor(userId);
    return {
      step: async (unit) => {
        assertOpen();
        const erased = await database.write((tx) => unit(tx, steadyClock.now()));
        counted.counts[name] = (counted.counts[name] ?? 0) + erased;
        return erased;
      },
      plan: (segments) => {
        counted.planned += segments;
      },
      advance: () => {
        assertOpen();
        counted.done += 1;
      },
    };
  };

  const assertOpen = (): void => {
    if (isClosed) throw new Error("The server is shutting down; the next start continues the erasure");
  };

  const erase = async (userId: UserId): Promise<void> => {
    for (const part of parts) await part.erase(userId, createRun(userId, part));
    assertOpen();
    await database.write(async (tx) => {
      const now = clock.now();
      for (const part of parts) await part.settle?.(tx, userId, steadyClock.now());
      const begun = await tx.first(queries.erasure, { userId });
      // Delete the user's row last: as long as it exists, the next run finds what is left.
      if (await tx.first(queries.deleteUser, { id: userId })) {
        await audit.record(tx, {
          at: now,
          action: "account.erased",
          actor: "system",
          userId,
          maskedPhone: begun?.phone ?? undefined,
          reason: countsToText(countsFor(userId).counts),
        });
      }
      await tx.all(queries.finish, { userId, now });
    });
  };

  const scrubWhenDue = async (): Promise<void> => {
    if (!(await database.read.first(queries.unscrubbed, {}))) return;
    const last = await database.read.first(queries.lastScrub, {});
    const now = clock.now();
    if (!isUrgent && last?.at && now - Number(last.at) < SCRUB_EVERY_MS) return;
    isUrgent = false;
    await database.scrub();
    await database.write((tx) => tx.all(queries.recordScrub, { now: clock.now(), doneBy: now }));
  };

  const runOnce = async (): Promise<void> => {
    let user = await database.read.first(queries.due, { now: clock.now() });
    while (user && !isClosed) {
      const { id } = user;
      await begin(id, { actor: "system", isUrgent: false });
      user = await database.read.first(queries.due, { now: clock.now() });
      // A sign-in or another node may have handled it meanwhile; either way it must no longer be due. Otherwise this would loop.
      if (user?.id === id) throw new Error("An erasure did not begin although it is due");
    }
    const failures: unknown[] = [];
    for (const { user_id: userId } of await database.read.all(queries.open, {})) {
      // A failed erasure does not stop the others; the next run retries it.
      await erase(userId).catch((error: unknown) => failures.push(error));
      if (isClosed) return;
    }
    await scrubWhenDue();
    if (failures.length > 0) throw new AggregateError(failures, "Some students could not be erased");
  };

  const run = async (): Promise<void> => {
    do {
      isCalledAgain = false;
      failure = null;
      await runOnce().catch((error: unknown) => {
        failure = error instanceof Error ? error.message : String(error);
        throw error;
      });
    } while (isCalledAgain && !isClosed);
  };

  return {
    begin,
    run: () => {
      isCalledAgain = true;
      running ??= run().finally(() => (running = undefined));
      return running;
    },
    progress: async (userId) => {
      const row = await database.read.first(queries.erasure, { userId });
      if (!row) throw new AppError("not-found", "This student is not being erased.");
      const state = row.scrubbed_at !== null ? "scrubbed" : row.done_at !== null ? "erased" : "erasing";
      const { done, planned, counts } = countedByUser.get(userId) ?? { done: 0, planned: 0, counts: {} };
      return { state, done, planned, counts: { ...counts }, failure };
    },
    close: () => {
      isClosed = true;
    },
  };
};

/** The prefix of the placeholder that replaces an erased student's number. No phone number begins like this. */
const DETACHED = "erased:";

/** Returns whether a student's erasure has begun. */
export const isDetached = ({ phone }: { readonly phone: string }): boolean => phone.startsWith(DETACHED);

const countsToText = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name}: ${count}`)
    .join(", ") || "only the student's own rows";
