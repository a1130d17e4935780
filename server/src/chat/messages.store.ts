import { prepare, type Queries } from "@edvoyage/db";
import type { MessageId, RoomId, RoomKind, RoomRole, UserId } from "@edvoyage/protocol";

/** A member's rights in a room, and the existing entries that a message command refers to. */
export interface MessageContextRow {
  readonly room_kind: RoomKind;
  readonly role: RoomRole;
  /** 1 when the student has blocked the other of a direct room. */
  readonly has_blocked: number | null;
  /** 1 when the other has blocked the student. */
  readonly is_blocked: number | null;
  readonly existing_id: string | null;
  readonly existing_log_id: RoomId | null;
  readonly existing_kind: string | null;
  readonly existing_author_id: string | null;
  readonly existing_segment: number | null;
  readonly existing_position: number | null;
  readonly existing_at: number | null;
  readonly subject_author_id: string | null;
  readonly subject_segment: number | null;
  readonly subject_position: number | null;
  /** 1 when the subject message has been removed (has no bytes), otherwise 0. */
  readonly is_removed: number;
}

/** A message as it is stored in the log. */
export interface MessageRow {
  readonly id: string;
  readonly segment: number;
  readonly position: number;
  readonly author_id: string | null;
  readonly at: number;
  /** `null` after removal. */
  readonly bytes: Uint8Array | null;
}

/** An edit of a message or a reaction to one. */
export interface ChangeRow {
  readonly subject_id: string | null;
  readonly kind: string;
  readonly author_id: string | null;
  readonly at: number;
  readonly bytes: Uint8Array | null;
}

/**
 * Reads everything that decides whether a member may write: the member's role, blocks between the two students of a direct
 * room, the entry that already has the new message's id, and the subject message: the one to edit, remove, react or reply to.
 * It is a single query because every sent message needs it.
 */
const messageContext = prepare<{
  roomId: RoomId;
  userId: UserId;
  entryId: string | null;
  subjectId: MessageId | null;
}>()((query, param) =>
  query
    .selectFrom("room_members as member")
    .innerJoin("rooms", "rooms.id", "member.room_id")
    .leftJoin("contacts as own", (join) =>
      join.on("own.owner_id", "=", param.userId).onRef("own.contact_id", "=", "member.peer_id"),
    )
    .leftJoin("contacts as theirs", (join) =>
      join.onRef("theirs.owner_id", "=", "member.peer_id").on("theirs.contact_id", "=", param.userId),
    )
    .leftJoin("log_entries as existing", (join) => join.on("existing.id", "=", param.entryId))
    .leftJoin("log_entries as subject", (join) =>
      join
        .on("subject.id", "=", param.subjectId)
        .onRef("subject.log_id", "=", "rooms.id")
        .on("subject.kind", "=", "message")
        .onRef("subject.segment", ">=", "member.from_segment"),
    )
    .select((eb) => [
      "rooms.kind as room_kind",
      "member.role",
      "own.is_blocked as has_blocked",
      "theirs.is_blocked as is_blocked",
      "existing.id as existing_id",
      "existing.log_id as existing_log_id",
      "existing.kind as existing_kind",
      "existing.author_id as existing_author_id",
      "existing.segment as existing_segment",
      "existing.position as existing_position",
      "existing.at as existing_at",
      "subject.author_id as subject_author_id",
      "subject.segment as subject_segment",
      "subject.position as subject_position",
      eb.case().when("subject.bytes", "is", null).then(eb.lit(1)).else(eb.lit(0)).end().as("is_removed"),
    ])
    .where("member.room_id", "=", param.roomId)
    .where("member.user_id", "=", param.userId)
    .where("member.left_at", "is", null),
);

const entryById = prepare<{ id: MessageId }>()((query, param) =>
  query.selectFrom("log_entries").select("id").where("id", "=", param.id),
);

/** The members who are shown how far a student has read: everyone except those whom the student has blocked. */
const readPositionViewers = prepare<{ roomId: RoomId; userId: UserId }>()((query, param) =>
  query
    .selectFrom("room_members")
    .select("user_id")
    .where("room_id", "=", param.roomId)
    .where("left_at", "is", null)
    .where("user_id", "not in", (eb) =>
      eb
        .selectFrom("contacts")
        .select("contact_id")
        .where("owner_id", "=", param.userId)
        // A literal, not a parameter: otherwise the planner cannot use the partial index.
        .where((on) => on("is_blocked", "=", on.lit(1))),
    ),
);

const removalOf = prepare<{ messageId: MessageId }>()((query, param) =>
  query
    .selectFrom("log_entries")
    .select(["segment", "position", "at"])
    .where("subject_id", "=", param.messageId)
    .where("kind", "=", "remove")
    .limit(1),
);

const editsOf = prepare<{ messageId: MessageId }>()((query, param) =>
  query
    .selectFrom("log_entries")
    .select(["segment", "position"])
    .where("subject_id", "=", param.messageId)
    .where("kind", "=", "edit")
    .where("bytes", "is not", null),
);

const latestReaction = prepare<{ messageId: MessageId; userId: UserId }>()((query, param) =>
  query
    .selectFrom("log_entries")
    .select(["segment", "position", "at", "bytes"])
    .where("subject_id", "=", param.messageId)
    .where("kind", "=", "reaction")
    .where("author_id", "=", param.userId)
    .orderBy("segment", "desc")
    .orderBy("position", "desc")
    .limit(1),
);

/** Only moves forward: among several devices, the furthest read position wins. */
const markRead = prepare<{
  roomId: RoomId;
  userId: UserId;
  segment: number;
  position: number;
  now: number;
}>()((query, param) =>
  query
    .updateTable("room_members")
    .set({ read_segment: param.segment, read_position: param.position, changed_at: param.now })
    .where("room_id", "=", param.roomId)
    .where("user_id", "=", param.userId)
    .where("left_at", "is", null)
    .where((eb) =>
      eb(eb.refTuple("read_segment", "read_position"), "<", eb.tuple(param.segment, param.position)),
    )
    .returning("user_id"),
);

const readPosition = prepare<{ roomId: RoomId; userId: UserId }>()((query, param) =>
  query
    .selectFrom("room_members")
    .innerJoin("rooms", "rooms.id", "room_members.room_id")
    .select(["room_members.read_segment", "room_members.read_position", "rooms.member_count"])
    .where("room_members.room_id", "=", param.roomId)
    .where("room_members.user_id", "=", param.userId)
    .where("room_members.left_at", "is", null),
);

/** The messages before a position that the student may read, newest first. Includes removed messages. */
const page = prepare<{
  roomId: RoomId;
  userId: UserId;
  segment: number;
  position: number;
  limit: number;
}>()((query, param) =>
  query
    .selectFrom("log_entries as entry")
    .innerJoin("room_members as member", "member.room_id", "entry.subject_id")
    .select(["entry.id", "entry.segment", "entry.position", "entry.author_id", "entry.at", "entry.bytes"])
    .where("member.user_id", "=", param.userId)
    .where("member.left_at", "is", null)
    .where("entry.subject_id", "=", param.roomId)
    .where("entry.kind", "=", "message")
    .where((eb) =>
      eb(eb.refTuple("entry.segment", "entry.position"), "<", eb.tuple(param.segment, param.position)),
    )
    .whereRef("entry.segment", ">=", "member.from_segment")
    .orderBy("entry.segment", "desc")
    .orderBy("entry.position", "desc")
    .limit(param.limit),
);

/** The queries of messages. */
export const messageQueries = {
  readPositionViewers,
  messageContext,
  entryById,
  removalOf,
  editsOf,
  latestReaction,
  markRead,
  readPosition,
  page,
};

/** Returns, oldest first, the newest edit of each message and each student's newest reaction to it. */
export const newestChangesOf = (
  queries: Queries,
  messageIds: readonly string[],
  kinds: readonly ("edit" | "reaction")[],
): Promise<ChangeRow[]> =>
  queries.kysely
    .selectFrom((eb) =>
      eb
        .selectFrom("log_entries")
        .select(["subject_id", "kind", "author_id", "segment", "position", "at", "bytes"])
        .select((column) =>
          column.fn
            .agg<number>("row_number")
            .over((over) =>
              over
                .partitionBy(["subject_id", "kind", "author_id"])
                .orderBy("segment", "desc")
                .orderBy("position", "desc"),
            )
            .as("recency"),
        )
        .where("subject_id", "in", messageIds)
        .where("kind", "in", kinds)
        .as("entry"),
    )
    .select(["subject_id", "kind", "author_id", "at", "bytes"])
    .where("recency", "=", 1)
    .orderBy("segment")
    .orderBy("position")
    .execute();
