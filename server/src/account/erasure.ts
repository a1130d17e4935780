import type { Database, UnitOfWork } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";
import type { Audit, AuditActor } from "../audit/audit.ts";
import { DAY_MS, type Clock } from "../platform/clock.ts";
import { AppError } from "../platform/errors.ts";
import { maskPhone } from "../numbers/phone.ts";
import type { ErasurePart, ErasureRun } from "./personal-data.ts";
import { accountQueries as queries } from "./account.store.ts";

/** How far an erasure has come. */
export interface ErasureProgress {
  /** `erased` when her last row is gone, `scrubbed` when no copy of it is left in the database file. */
  readonly state: "erasing" | "erased" | "scrubbed";
  /** Stretches that were gone through, of `planned`; both only grow. Of other processes nothing is known. */
  readonly done: number;
  readonly planned: number;
  /** How much was erased, by what it was. */
  readonly counts: Readonly<Record<string, number>>;
  /** Why the last run stopped before its end, in words; the next one, within the hour, goes on. */
  readonly failure: string | null;
}

/** Makes students disappear: their rows, what they said, and its bytes. */
export interface Erasure {
  /**
   * The point of no return: her number is free, her sessions end, and `run` will find her. Throws `not-found`. Doing it twice is
   * no error.
   */
  begin(
    userId: UserId,
    act: { readonly actor: AuditActor; readonly reason?: string | undefined; readonly isUrgent: boolean },
  ): Promise<void>;
  /**
   * Begins what is due and finishes what was begun, whenever that was, step by step; then writes the file anew, once a day at
   * the most unless an erasure was urgent. One at a time: whoever calls meanwhile waits for the same.
   */
  run(): Promise<void>;
  /** Throws `not-found` for who is not being erased and never was. */
  progress(userId: UserId): Promise<ErasureProgress>;
  /** Lets the step that runs come to its end, and none after it. */
  close(): void;
}

export interface ErasureDeps {
  readonly database: Database;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly parts: readonly ErasurePart[];
  /** Ends all sessions of a student, and their sockets. */
  readonly endSessions: (
    tx: UnitOfWork,
    owner: UserId,
    act: { readonly actor: AuditActor; readonly now: number },
  ) => Promise<void>;
  /** Deletes what other features know of a phone. */
  readonly forgetPhone: (tx: UnitOfWork, phone: string) => Promise<void>;
}

/** Writes wait while the file is written anew, some seconds a gigabyte. */
const SCRUB_EVERY_MS = DAY_MS;
const MAX_REMEMBERED = 1_000;

interface Counted {
  done: number;
  planned: number;
  readonly counts: Record<string, number>;
}

export const createErasure = (deps: ErasureDeps): Erasure => {
  const { database, audit, clock, parts } = deps;
  const countedByUser = new Map<UserId, Counted>();
  let isClosed = false;
  let isUrgent = false;
  let running: Promise<void> | undefined;
  let isCalledAgain = false;
  let failure: string | null = null;

  const countedOf = (userId: UserId): Counted => {
    const known = countedByUser.get(userId);
    if (known) return known;
    const counted: Counted = { done: 0, planned: 0, counts: {} };
    countedByUser.set(userId, counted);
    const oldest = countedByUser.keys().next();
    if (countedByUser.size > MAX_REMEMBERED && !oldest.done) countedByUser.delete(oldest.value);
    return counted;
  };

  const begin: Erasure["begin"] = async (userId, { actor, reason, isUrgent: cannotWait }) => {
    const found = await database.read.first(queries.user, { id: userId });
    if (!found) throw new AppError("not-found", "There is no such student.");
    const { phone } = found;
    await database.write(async (tx) => {
      const now = clock.now();
      await tx.lock(`phone:${phone}`);
      const user = await tx.first(queries.user, { id: userId });
      // Begun by somebody else, or undone by a sign-in, while this waited.
      if (user?.phone !== phone || isDetached(user)) return;
      if (!cannotWait && (user.erase_at === null || user.erase_at > now)) return;
      await tx.all(queries.begin, { userId, phone: maskPhone(phone), now });
      await deps.endSessions(tx, userId, { actor, now });
      await tx.all(queries.detachPhone, { id: userId, phone: DETACHED + userId, now });
      await deps.forgetPhone(tx, phone);
      await audit.forgetAddresses(tx, phone);
      await audit.record(tx, { at: now, action: "account.erasure-begun", actor, userId, phone, reason });
    });
    if (cannotWait) isUrgent = true;
  };

  const runOf = (userId: UserId, { name }: ErasurePart): ErasureRun => {
    const counted = countedOf(userId);
    return {
      step: async (unit) => {
        assertOpen();
        const erased = await database.write((tx) => unit(tx, clock.now()));
        counted.counts[name] = (counted.counts[name] ?? 0) + erased;
        return erased;
      },
      plan: (stretches) => {
        counted.planned += stretches;
      },
      advance: () => {
        assertOpen();
        counted.done += 1;
      },
    };
  };

  const assertOpen = (): void => {
    if (isClosed) throw new Error("The server stops: the next one goes on with the erasure");
  };

  const erase = async (userId: UserId): Promise<void> => {
    for (const part of parts) await part.erase(userId, runOf(userId, part));
    assertOpen();
    await database.write(async (tx) => {
      const now = clock.now();
      for (const part of parts) await part.settle?.(tx, userId, now);
      const begun = await tx.first(queries.erasure, { userId });
      // Last: as long as she has a row, the next start finds what is left.
      if (await tx.first(queries.deleteUser, { id: userId })) {
        await audit.record(tx, {
          at: now,
          action: "account.erased",
          actor: "system",
          userId,
          maskedPhone: begun?.phone ?? undefined,
          reason: countsToText(countedOf(userId).counts),
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
    await database.write((tx) => tx.all(queries.noteScrub, { now: clock.now(), doneBy: now }));
  };

  const runOnce = async (): Promise<void> => {
    let user = await database.read.first(queries.due, { now: clock.now() });
    while (user && !isClosed) {
      const { id } = user;
      await begin(id, { actor: "system", isUrgent: false });
      user = await database.read.first(queries.due, { now: clock.now() });
      // Somebody signed in, or another node was faster: either way it is due no more.
      if (user?.id === id) throw new Error("An erasure that is due did not begin");
    }
    const failures: unknown[] = [];
    for (const { user_id: userId } of await database.read.all(queries.open, {})) {
      // One that fails holds up no other; the next run tries it again.
      await erase(userId).catch((error: unknown) => failures.push(error));
      if (isClosed) return;
    }
    await scrubWhenDue();
    if (failures.length > 0) throw new AggregateError(failures, "Students could not be erased");
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

/** Stands where a number was. No number begins so. */
const DETACHED = "erased:";

/** Whether a student's erasure has begun. */
export const isDetached = ({ phone }: { readonly phone: string }): boolean => phone.startsWith(DETACHED);

const countsToText = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name}: ${count}`)
    .join(", ") || "nothing but her own rows";
