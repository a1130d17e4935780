import { prepare, sql, type Queries, type SqlBool } from "@edvoyage/db";
import {
  MAX_SHOWN_READERS,
  type RoomHistory,
  type RoomId,
  type RoomKind,
  type RoomRole,
  type UserId,
} from "@edvoyage/protocol";
import { newestEdit, newestMessage } from "../chat/newest-message.ts";

/** Counting unread messages stops here, because it reads entry by entry. */
const MAX_UNREAD = 1_000;
/** Only the newest invitations are shown. */
const MAX_INVITATIONS = 100;

/** A room that changed for one of its members, with its newest entry and message. */
export interface ChangedRoomRow {
  readonly id: RoomId;
  /** When its newest segment changed; the rooms are in this order. */
  readonly log_changed_at: number;
  readonly kind: RoomKind;
  readonly name: string | null;
  readonly history: RoomHistory;
  readonly member_count: number;
  readonly role: RoomRole;
  readonly from_segment: number;
  readonly read_segment: number;
  readonly read_position: number;
  /** The other student of a direct room. */
  readonly peer_id: UserId | null;
  readonly peer_name: string | null;
  /** The newest entry, except entries that only end a segment. */
  readonly head_id: string | null;
  readonly head_segment: number | null;
  readonly head_position: number | null;
  /** The newest message that was not removed. */
  readonly last_author_id: string | null;
  readonly last_at: number | null;
  readonly last_bytes: Uint8Array | null;
  readonly edit_bytes: Uint8Array | null;
  readonly unread: number | null;
}

/** A student does not see the read positions of members who have blocked them, but still sees those members' messages. */
const hasNotBlocked = (memberColumn: string, userId: UserId) =>
  sql<SqlBool>`${sql.ref(memberColumn)} not in (select owner_id from contacts where contact_id = ${userId} and is_blocked = 1)`;

/**
 * A page of the rooms that changed; `beforeAt` and `beforeId` are the place in their order after which it begins. One statement,
 * so that membership and the log's content come from the same moment.
 */
const changedRooms = prepare<{
  userId: UserId;
  since: number;
  beforeAt: number;
  beforeId: RoomId;
  limit: number;
}>()((query, param) =>
  query
    .selectFrom("room_members as own")
    .innerJoin("rooms", "rooms.id", "own.room_id")
    .innerJoin("logs", "logs.id", "own.room_id")
    .innerJoin("log_segments as segment", (join) =>
      join.onRef("segment.log_id", "=", "logs.id").onRef("segment.segment", "=", "logs.head_segment"),
    )
    .leftJoin("profiles", "profiles.user_id", "own.peer_id")
    .leftJoin("log_entries as head", (join) =>
      join.on((on) =>
        on(
          "head.id",
          "=",
          on
            .selectFrom("log_entries as entry")
            .select("entry.id")
            .whereRef("entry.log_id", "=", "own.room_id")
            .where("entry.kind", "<>", "next")
            .orderBy("entry.segment", "desc")
            .orderBy("entry.position", "desc")
            .limit(1),
        ),
      ),
    )
    .leftJoin("log_entries as last", (join) => join.on("last.id", "=", newestMessage()))
    .leftJoin("log_entries as edit", (join) => join.on("edit.id", "=", newestEdit()))
    .select([
      "rooms.id",
      "segment.changed_at as log_changed_at",
      "rooms.kind",
      "rooms.name",
      "rooms.history",
      "rooms.member_count",
      "own.role",
      "own.from_segment",
      "own.read_segment",
      "own.read_position",
      "own.peer_id",
      "profiles.name as peer_name",
      "head.id as head_id",
      "head.segment as head_segment",
      "head.position as head_position",
      "last.author_id as last_author_id",
      "last.at as last_at",
      "last.bytes as last_bytes",
      "edit.bytes as edit_bytes",
    ])
    .select((eb) =>
      eb
        .selectFrom((inner) =>
          inner
            .selectFrom("log_entries as message")
            .select("message.id")
            .whereRef("message.subject_id", "=", "own.room_id")
            .where("message.kind", "=", "message")
            .where((on) =>
              on(
                on.refTuple("message.segment", "message.position"),
                ">",
                on.refTuple("own.read_segment", "own.read_position"),
              ),
            )
            .where("message.author_id", "<>", param.userId)
            .where("message.bytes", "is not", null)
            .limit(MAX_UNREAD)
            .as("unread_message"),
        )
        .select((counted) => counted.fn.countAll<number>().as("count"))
        .as("unread"),
    )
    .where("own.user_id", "=", param.userId)
    .where("own.left_at", "is", null)
    .where((eb) =>
      eb(eb.refTuple("segment.changed_at", "rooms.id"), "<", eb.tuple(param.beforeAt, param.beforeId)),
    )
    .where((eb) =>
      eb.or([
        eb("own.changed_at", ">=", param.since),
        eb("rooms.changed_at", ">=", param.since),
        eb("segment.changed_at", ">=", param.since),
        eb.and([
          eb("rooms.member_count", "<=", MAX_SHOWN_READERS),
          eb.exists(
            eb
              .selectFrom("room_members as other")
              .select("other.user_id")
              .whereRef("other.room_id", "=", "own.room_id")
              .where("other.changed_at", ">=", param.since)
              .where(hasNotBlocked("other.user_id", param.userId)),
          ),
        ]),
      ]),
    )
    .orderBy("segment.changed_at", "desc")
    .orderBy("rooms.id", "desc")
    .limit(param.limit),
);

const leftSince = prepare<{ userId: UserId; since: number }>()((query, param) =>
  query
    .selectFrom("room_members")
    .select(["room_id", "left_at"])
    .where("user_id", "=", param.userId)
    .where("left_at", ">=", param.since)
    .orderBy("left_at", "desc"),
);

const invitations = prepare<{ userId: UserId }>()((query, param) =>
  query
    .selectFrom("room_invitations")
    .innerJoin("rooms", "rooms.id", "room_invitations.room_id")
    .select([
      "rooms.id",
      "rooms.name",
      "rooms.member_count",
      "room_invitations.invited_by",
      "room_invitations.at",
    ])
    .where("room_invitations.user_id", "=", param.userId)
    .orderBy("room_invitations.at", "desc")
    .limit(MAX_INVITATIONS),
);

/** The queries of the inbox. */
export const inboxQueries = { changedRooms, leftSince, invitations };

/** Returns how far the other members of rooms have read. Larger rooms show nobody's read position. */
export const othersRead = async (
  queries: Queries,
  userId: UserId,
  rooms: readonly Pick<ChangedRoomRow, "id" | "member_count">[],
) => {
  const roomIds = rooms.filter((room) => room.member_count <= MAX_SHOWN_READERS).map(({ id }) => id);
  if (roomIds.length === 0) return [];
  return queries.kysely
    .selectFrom("room_members")
    .select(["room_id", "user_id", "read_segment", "read_position"])
    .where("room_id", "in", roomIds)
    .where("left_at", "is", null)
    .where("user_id", "<>", userId)
    .where(hasNotBlocked("user_id", userId))
    .orderBy("user_id")
    .execute();
};
