import { prepare, type DeviceKey, type Queries, type SessionEnd } from "@edvoyage/db";
import type { Platform, SessionId, UserId } from "@edvoyage/protocol";
import { deleteBatch } from "../platform/delete-batch.ts";

const columns = [
  "sessions.id",
  "sessions.user_id",
  "sessions.device_key",
  "sessions.key_hash",
  "sessions.device_name",
  "sessions.platform",
  "sessions.app_version",
  "sessions.ephemeral",
  "sessions.created_at",
  "sessions.last_seen_at",
  "sessions.expires_at",
  "sessions.ended_at",
  "sessions.end_reason",
  "users.phone",
  "users.created_at as user_created_at",
] as const;

/** A session with the phone number of its student. */
export interface SessionRow {
  readonly id: SessionId;
  readonly user_id: UserId;
  readonly device_key: DeviceKey;
  readonly key_hash: string;
  readonly device_name: string | null;
  readonly platform: Platform;
  readonly app_version: string | null;
  readonly ephemeral: number;
  readonly created_at: number;
  readonly last_seen_at: number;
  readonly expires_at: number;
  readonly ended_at: number | null;
  readonly end_reason: SessionEnd | null;
  readonly phone: string;
  readonly user_created_at: number;
}

const byKeyHash = prepare<{ keyHash: string }>()((query, param) =>
  query
    .selectFrom("sessions")
    .innerJoin("users", "users.id", "sessions.user_id")
    .select(columns)
    .where("sessions.key_hash", "=", param.keyHash),
);

const byId = prepare<{ id: SessionId }>()((query, param) =>
  query
    .selectFrom("sessions")
    .innerJoin("users", "users.id", "sessions.user_id")
    .select(columns)
    .where("sessions.id", "=", param.id),
);

const liveByUser = prepare<{ userId: UserId; idleSince: number; now: number }>()((query, param) =>
  query
    .selectFrom("sessions")
    .innerJoin("users", "users.id", "sessions.user_id")
    .select(columns)
    .where("sessions.user_id", "=", param.userId)
    .where("sessions.ended_at", "is", null)
    .where("sessions.last_seen_at", ">", param.idleSince)
    .where("sessions.expires_at", ">", param.now)
    .orderBy("sessions.last_seen_at", "desc")
    .orderBy("sessions.id", "desc"),
);

const insert = prepare<{
  id: SessionId;
  userId: UserId;
  deviceKey: DeviceKey;
  keyHash: string;
  deviceName: string | null;
  platform: Platform;
  appVersion: string | null;
  ephemeral: number;
  now: number;
  expiresAt: number;
}>()((query, param) =>
  query.insertInto("sessions").values({
    id: param.id,
    user_id: param.userId,
    device_key: param.deviceKey,
    key_hash: param.keyHash,
    device_name: param.deviceName,
    platform: param.platform,
    app_version: param.appVersion,
    ephemeral: param.ephemeral,
    created_at: param.now,
    last_seen_at: param.now,
    expires_at: param.expiresAt,
    ended_at: null,
    end_reason: null,
  }),
);

const end = prepare<{ id: SessionId; at: number; reason: SessionEnd }>()((query, param) =>
  query
    .updateTable("sessions")
    .set({ ended_at: param.at, end_reason: param.reason })
    .where("id", "=", param.id)
    .where("ended_at", "is", null)
    .returning("id"),
);

/**
 * Records activity of a session. Returns the session, also when a node whose clock is ahead has recorded later
 * activity; returns no row when it has ended or was deleted.
 */
const touch = prepare<{ id: SessionId; at: number }>()((query, param) =>
  query
    .updateTable("sessions")
    .set((eb) => ({
      last_seen_at: eb
        .case()
        .when("last_seen_at", "<", param.at)
        .then(eb.val(param.at))
        .else(eb.ref("last_seen_at"))
        .end(),
    }))
    .where("id", "=", param.id)
    .where("ended_at", "is", null)
    .returning("id"),
);

const countLive = prepare<{ idleSince: number; now: number }>()((query, param) =>
  query
    .selectFrom("sessions")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("last_seen_at", ">", param.idleSince)
    .where("expires_at", ">", param.now)
    .where("ended_at", "is", null),
);

/** The start of a page of sessions: after this session, in the order of an instant. */
type PageStart = { readonly at: number; readonly id: SessionId; readonly limit: number };

/** Selects live sessions with their students, least recently used first. */
const usedLive = prepare<PageStart>()((query, param) =>
  query
    .selectFrom("sessions")
    .select(["id", "user_id", "last_seen_at as at"])
    .where("ended_at", "is", null)
    .where("last_seen_at", ">=", param.at)
    .where((eb) => eb.or([eb("last_seen_at", ">", param.at), eb("id", ">", param.id)]))
    .orderBy("last_seen_at")
    .orderBy("id")
    .limit(param.limit),
);

/**
 * Selects ended sessions with their students, in the order in which they ended. A session is never used after its end.
 */
const usedEnded = prepare<PageStart & { readonly usedSince: number }>()((query, param) =>
  query
    .selectFrom("sessions")
    .select(["id", "user_id", "ended_at as at"])
    .where("ended_at", "is not", null)
    .where("ended_at", ">=", param.at)
    .where((eb) => eb.or([eb("ended_at", ">", param.at), eb("id", ">", param.id)]))
    .where("last_seen_at", ">", param.usedSince)
    .orderBy("ended_at")
    .orderBy("id")
    .limit(param.limit),
);

/** The queries of the hot paths, and of `/metrics`. */
export const sessionQueries = {
  byKeyHash,
  byId,
  liveByUser,
  insert,
  end,
  touch,
  countLive,
  usedLive,
  usedEnded,
};

/** Returns those of the given sessions that have not been ended. */
export const liveIds = async (
  queries: Queries,
  ids: readonly SessionId[],
): Promise<ReadonlySet<SessionId>> => {
  const rows = await queries.kysely
    .selectFrom("sessions")
    .select("id")
    .where("id", "in", ids)
    .where("ended_at", "is", null)
    .execute();
  return new Set(rows.map(({ id }) => id));
};

/** Selects a page of the sessions of all students, most recently used first. */
export const sessionsPage = (
  queries: Queries,
  filter: {
    readonly userId?: UserId | undefined;
    readonly phone?: string | undefined;
    /** Selects only live sessions. Default: ended and expired sessions too. */
    readonly live?: { readonly idleSince: number; readonly now: number } | undefined;
    readonly after?: readonly [lastSeenAt: number, id: SessionId] | undefined;
    readonly limit: number;
  },
): Promise<SessionRow[]> => {
  const { userId, phone, live, after, limit } = filter;
  let query = queries.kysely
    .selectFrom("sessions")
    .innerJoin("users", "users.id", "sessions.user_id")
    .select(columns)
    .orderBy("sessions.last_seen_at", "desc")
    .orderBy("sessions.id", "desc")
    .limit(limit);
  if (userId) query = query.where("sessions.user_id", "=", userId);
  if (phone) query = query.where("users.phone", "=", phone);
  if (live) {
    query = query
      .where("sessions.ended_at", "is", null)
      .where("sessions.last_seen_at", ">", live.idleSince)
      .where("sessions.expires_at", ">", live.now);
  }
  if (after) {
    const [lastSeenAt, id] = after;
    query = query.where((eb) =>
      eb.or([
        eb("sessions.last_seen_at", "<", lastSeenAt),
        eb.and([eb("sessions.last_seen_at", "=", lastSeenAt), eb("sessions.id", "<", id)]),
      ]),
    );
  }
  return query.execute();
};

/** Deletes a batch of sessions that were opened before `before`; returns whether there may be more. */
export const pruneSessions = (queries: Queries, before: number): Promise<boolean> =>
  deleteBatch(queries, { table: "sessions", before });
