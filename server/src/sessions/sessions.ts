import type { Database, DeviceKey, SessionEnd, UnitOfWork } from "@edvoyage/db";
import {
  SESSION_IDLE_MS,
  SESSION_LIFETIME_MS,
  type Limits,
  type Platform,
  type SessionId,
  type SessionView,
  type UserId,
  type UserView,
} from "@edvoyage/protocol";
import type { Audit, AuditAction, AuditActor } from "../audit/audit.ts";
import { DAY_MS, MINUTE_MS, type Clock } from "../platform/clock.ts";
import { sha256, type NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import type { PushTokens } from "../push/tokens.ts";
import { giveWay } from "../account/personal-data.ts";
import { createSessionCache, type CachedSession } from "./session-cache.ts";
import { createSessionEnds } from "./session-ends.ts";
import { pruneSessionEnds } from "./session-ends.store.ts";
import { liveIds, pruneSessions, sessionQueries as queries, type SessionRow } from "./sessions.store.ts";

/** The session that a request is made with, and its student. */
export interface SignedIn {
  readonly session: SessionView;
  readonly user: UserView;
}

/** The input of a new session. */
export interface NewSession {
  readonly userId: UserId;
  readonly phone: string;
  readonly deviceKey: DeviceKey;
  readonly key: string;
  readonly deviceName: string | null;
  readonly platform: Platform;
  readonly appVersion: string | null;
  /** Whether the device keeps nothing. Default: false. */
  readonly isEphemeral?: boolean;
  readonly now: number;
}

/** Opens, authenticates and ends sessions. */
export interface Sessions {
  /**
   * Opens a session, replaces the device's former one and ends those unused for longest beyond `sessionsPerUser`. An ephemeral
   * one replaces only the student's other ephemeral one, and does not count towards the limit.
   */
  open(tx: UnitOfWork, session: NewSession): Promise<SessionView>;
  /** Returns the session if it has neither ended nor expired. */
  live(tx: UnitOfWork, id: SessionId, now: number): Promise<SessionView | undefined>;
  /**
   * Returns the session and the student of the key with this SHA-256 (base64url); counts as activity. Throws
   * `session/unknown` for a key without a session, `session/revoked` for a session that was signed out, and `session/expired` for
   * one that is over for any other reason.
   */
  authenticate(keyHash: string): Promise<SignedIn>;
  /** Lists the student's live sessions, most recently used first. At most `sessionsPerUser`, and an ephemeral one. */
  list(userId: UserId): Promise<SessionView[]>;
  /**
   * Ends one session. Idempotent; returns how many sessions it ended, 0 or 1.
   * Throws `not-found`, also for a session of a student other than `owner`.
   */
  end(id: SessionId, act: EndAct): Promise<number>;
  /** Ends all of a student's sessions except one; returns how many. */
  endOthers(keep: SessionId, owner: UserId): Promise<number>;
  /** Ends all sessions of a student whose account is deleted. The student's devices stay known to their phone. */
  endAll(
    tx: UnitOfWork,
    owner: UserId,
    act: { readonly actor: AuditActor; readonly now: number },
  ): Promise<void>;
  /**
   * Evicts from memory the sessions that other processes ended since the last successful call, and calls `onEnded`. Called
   * several times a second. While it fails, `authenticate` reads the rows instead.
   */
  noticeEnds(): Promise<void>;
  countLive(): Promise<number>;
  /** Deletes sessions that have been over for 90 days, and rows of `session_ends` that are older than an hour. */
  prune(now: number): Promise<void>;
}

/** Counts what happens, for `/metrics`. */
export interface SessionMetrics {
  sessionOpened(): void;
  sessionEnded(cause: SessionEnd): void;
}

/** Why a session is ended, and by whom. */
export interface EndAct {
  readonly reason: Extract<SessionEnd, "logout" | "revoked" | "admin">;
  readonly actor: AuditActor;
  /** The student whose session it must be. Default: any student, for an admin. */
  readonly owner?: UserId;
  /** An admin's own words. */
  readonly note?: string | undefined;
}

export interface SessionsDeps {
  readonly database: Database;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly limits: Limits;
  readonly metrics: SessionMetrics;
  /** Makes a revoked device unknown to its phone. */
  readonly forgetDevice: (tx: UnitOfWork, phone: string, deviceKey: DeviceKey) => Promise<void>;
  /** Deletes push tokens, so that pushes stop with their session and no former user of a device gets any. */
  readonly pushTokens: Pick<PushTokens, "sessionEnded" | "deviceTaken">;
  /** Runs a task that no reply waits for. */
  readonly background: (task: Promise<unknown>) => void;
  /** Called for every ended session within a second, whichever process ended it, and perhaps several times. */
  readonly onEnded: (id: SessionId) => void;
  /** Returns the sessions with open sockets. Called when ends may have been missed. */
  readonly openSessions: () => readonly SessionId[];
}

/** How often the activity of a session is written at most. */
const TOUCH_INTERVAL_MS = MINUTE_MS;
/** Open sessions that one query checks. */
const RECHECK_BATCH = 500;
/** How long an ended session is kept at least, so that a device that uses its key learns why it ended. */
const KEPT_MS = 90 * DAY_MS;

const auditActions: Record<SessionEnd, AuditAction> = {
  logout: "session.logout",
  revoked: "session.revoked",
  admin: "session.revoked",
  replaced: "session.replaced",
  limit: "session.limit",
  restore: "database.restored",
  deleted: "session.revoked",
};

export const createSessions = (deps: SessionsDeps): Sessions => {
  const { database, audit, clock, newId, limits, metrics } = deps;
  const cache = createSessionCache(limits.sessionCacheEntries);

  const liveOf = (tx: UnitOfWork | Database["read"], userId: UserId, now: number): Promise<SessionRow[]> =>
    tx.all(queries.liveByUser, { userId, idleSince: now - SESSION_IDLE_MS, now });

  const endRow = async (
    tx: UnitOfWork,
    row: SessionRow,
    {
      reason,
      actor,
      note,
      now,
    }: { reason: SessionEnd; actor: AuditActor; note?: string | undefined; now: number },
  ): Promise<boolean> => {
    const ended = await tx.first(queries.end, { id: row.id, at: now, reason });
    if (!ended) return false;
    tx.onCommit(() => metrics.sessionEnded(reason));
    cache.evict(row.id);
    await deps.pushTokens.sessionEnded(tx, row.id);
    if (reason === "revoked" || reason === "admin") await deps.forgetDevice(tx, row.phone, row.device_key);
    await audit.record(tx, {
      at: now,
      action: auditActions[reason],
      actor,
      userId: row.user_id,
      sessionId: row.id,
      phone: row.phone,
      reason: note,
    });
    return true;
  };

  const noteEnd = (id: SessionId): void => {
    cache.evict(id);
    deps.onEnded(id);
  };

  const recheckOpen = async (): Promise<void> => {
    const open = deps.openSessions();
    for (let start = 0; start < open.length; start += RECHECK_BATCH) {
      const batch = open.slice(start, start + RECHECK_BATCH);
      const live = await liveIds(database.read, batch);
      for (const id of batch) if (!live.has(id)) noteEnd(id);
      await giveWay();
    }
  };

  const ends = createSessionEnds({
    database,
    clock,
    background: deps.background,
    onEnd: noteEnd,
    onGap: () => {
      cache.distrust();
      return recheckOpen();
    },
  });

  /** Returns the session in memory, unless it may have ended without this process knowing. */
  const fromMemory = async (keyHash: string): Promise<CachedSession | undefined> => {
    // If the poll fails, the read of the row fails too and reports the cause.
    if (!ends.areKnown()) await ends.poll().catch(() => {});
    return ends.areKnown() ? cache.get(keyHash) : undefined;
  };

  const touch = async (id: SessionId, at: number): Promise<void> => {
    if (!(await database.write((tx) => tx.first(queries.touch, { id, at })))) noteEnd(id);
  };

  const fromRow = async (keyHash: string, now: number): Promise<CachedSession> => {
    const row = await database.read.first(queries.byKeyHash, { keyHash });
    if (!row) throw new AppError("session/unknown", "This key belongs to no session. Sign in.");
    if (row.ended_at !== null) throw isSignedOut(row) ? revoked() : expired();
    if (now >= expiryOf(row, Math.max(row.last_seen_at, cache.lastSeenAt(keyHash)))) throw expired();
    return cache.add(row);
  };

  return {
    open: async (tx, session) => {
      const { userId, phone, deviceKey, key, deviceName, platform, appVersion, isEphemeral, now } = session;
      const actor: AuditActor = `user:${userId}`;
      for (const { row, reason } of displacedBy(session, await liveOf(tx, userId, now), limits)) {
        await endRow(tx, row, { reason, actor, now });
      }
      await deps.pushTokens.deviceTaken(tx, { deviceKey, userId });
      const id = newId<SessionId>(now);
      const expiresAt = now + SESSION_LIFETIME_MS;
      const keyHash = sha256(key);
      await tx.all(queries.insert, {
        id,
        userId,
        deviceKey,
        keyHash,
        deviceName,
        platform,
        appVersion,
        ephemeral: isEphemeral ? 1 : 0,
        now,
        expiresAt,
      });
      tx.onCommit(metrics.sessionOpened);
      await audit.record(tx, { at: now, action: "sign-in.succeeded", actor, userId, sessionId: id, phone });
      return {
        id,
        deviceName,
        platform,
        appVersion,
        createdAt: now,
        lastSeenAt: now,
        expiresAt: Math.min(expiresAt, now + SESSION_IDLE_MS),
      };
    },

    live: async (tx, id, now) => {
      const row = await tx.first(queries.byId, { id });
      return row && row.ended_at === null && now < expiryOf(row, row.last_seen_at)
        ? rowToView(row)
        : undefined;
    },

    authenticate: async (keyHash) => {
      const now = clock.now();
      let cached = ends.areKnown() ? cache.get(keyHash) : await fromMemory(keyHash);
      // Another node may have seen later activity: only the row can tell that the session has expired.
      if (!cached || now >= expiryOf(cached.row, cached.lastSeenAt)) cached = await fromRow(keyHash, now);
      if (now - cached.lastSeenAt >= TOUCH_INTERVAL_MS) {
        cached.lastSeenAt = now;
        cache.markUsed(keyHash);
        deps.background(touch(cached.row.id, now));
      }
      const { row, lastSeenAt } = cached;
      return {
        session: rowToView(row, lastSeenAt),
        user: { id: row.user_id, phone: row.phone, createdAt: row.user_created_at },
      };
    },

    list: async (userId) => (await liveOf(database.read, userId, clock.now())).map((row) => rowToView(row)),

    end: async (id, { reason, actor, owner, note }) => {
      const now = clock.now();
      const row = await database.read.first(queries.byId, { id });
      if (!row || (owner !== undefined && row.user_id !== owner)) {
        throw new AppError("not-found", "There is no such session.");
      }
      const hasEnded = await database.write(async (tx) => {
        await tx.lock(`phone:${row.phone}`);
        return endRow(tx, row, { reason, actor, note, now });
      });
      // Evict it once more: a request may have read the row into memory again before the commit.
      noteEnd(row.id);
      return hasEnded ? 1 : 0;
    },

    endOthers: async (keep, owner) => {
      const now = clock.now();
      const ended = await database.write(async (tx) => {
        const others = (await liveOf(tx, owner, now)).filter(({ id }) => id !== keep);
        if (others[0]) await tx.lock(`phone:${others[0].phone}`);
        for (const row of others) await endRow(tx, row, { reason: "revoked", actor: `user:${owner}`, now });
        return others;
      });
      for (const { id } of ended) noteEnd(id);
      return ended.length;
    },

    endAll: async (tx, owner, { actor, now }) => {
      for (const row of await liveOf(tx, owner, now)) {
        await endRow(tx, row, { reason: "deleted", actor, now });
        tx.onCommit(() => noteEnd(row.id));
      }
    },

    noticeEnds: ends.poll,

    countLive: async () => {
      const now = clock.now();
      const counted = await database.read.first(queries.countLive, { idleSince: now - SESSION_IDLE_MS, now });
      return counted?.count ?? 0;
    },

    prune: async (now) => {
      while (await database.write((tx) => pruneSessions(tx, now - SESSION_LIFETIME_MS - KEPT_MS)));
      while (await database.write((tx) => pruneSessionEnds(tx, database.dialect)));
    },
  };
};

/** Returns which of a student's live sessions, most recently used first, a new one ends. */
const displacedBy = (
  { deviceKey, isEphemeral = false }: NewSession,
  live: readonly SessionRow[],
  { sessionsPerUser }: Limits,
): readonly { readonly row: SessionRow; readonly reason: "replaced" | "limit" }[] => {
  const ephemeral = live.filter((row) => row.ephemeral === 1);
  // A browser that keeps nothing is a new device each time: it must not displace the student's lasting devices.
  if (isEphemeral) return ephemeral.map((row) => ({ row, reason: "replaced" }));
  const onOtherDevices = live.filter((row) => row.device_key !== deviceKey && row.ephemeral === 0);
  return [
    ...live
      .filter((row) => row.device_key === deviceKey)
      .map((row) => ({ row, reason: "replaced" as const })),
    ...onOtherDevices.slice(sessionsPerUser - 1).map((row) => ({ row, reason: "limit" as const })),
  ];
};

/** Returns when a session that was last used at `lastSeenAt` expires. */
const expiryOf = (row: Pick<SessionRow, "expires_at">, lastSeenAt: number): number =>
  Math.min(row.expires_at, lastSeenAt + SESSION_IDLE_MS);

/** Converts a row to the view of its student. `lastSeenAt` may be later than the row, which is written once a minute. */
export const rowToView = (row: SessionRow, lastSeenAt = row.last_seen_at): SessionView => ({
  id: row.id,
  deviceName: row.device_name,
  platform: row.platform,
  appVersion: row.app_version,
  createdAt: row.created_at,
  lastSeenAt,
  expiresAt: expiryOf(row, lastSeenAt),
});

/**
 * Checks whether somebody signed the session out. A device may then delete its local data, also what it has not sent yet. A
 * student who signs in again, here or on an eleventh device, or an admin who restores a backup, does not intend that.
 */
const isSignedOut = ({ end_reason: reason }: SessionRow): boolean =>
  reason === "logout" || reason === "revoked" || reason === "admin" || reason === "deleted";

const revoked = () => new AppError("session/revoked", "This session has been ended.");

const expired = () => new AppError("session/expired", "This session is over. Sign in again.");
