import { prepare, type Queries } from "@edvoyage/db";
import type { MessageId, RoomId, RoomKind, RoomRole, UserId } from "@edvoyage/protocol";

/** What decides whether a member may write. */
export interface CurrentMessageRow {
  readonly room_kind: RoomKind;
  readonly role: RoomRole;
  /** 1 when the student has blocked the other of a direct room. */
  readonly has_blocked: number | null;
  /** 1 when the other has blocked her. */
  readonly is_blocked: number | null;
  readonly known_id: string | null;
  readonly known_log_id: RoomId | null;
  readonly known_kind: string | null;
  readonly known_author_id: string | null;
  readonly known_segment: number | null;
  readonly known_position: number | null;
  readonly known_at: number | null;
  readonly subject_author_id: string | null;
  readonly subject_segment: number | null;
  readonly subject_position: number | null;
  /** 0 or 1: whether the message that it is about has lost its bytes. */
  readonly is_removed: number;
}

/** A message as the log has it. */
export interface MessageRow {
  readonly id: string;
  readonly segment: number;
  readonly position: number;
  readonly author_id: string | null;
  readonly at: number;
  /** `null` once removed. */
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
 * All that decides whether a member may write: her role, blocks between the two of a direct room, the entry that
 * has the new message's id already, and the message that it is about. One query: a message is sent through it.
 */
const standing = prepare<{
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
    .leftJoin("log_entries as known", (join) => join.on("known.id", "=", param.entryId))
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
      "known.id as known_id",
      "known.log_id as known_log_id",
      "known.kind as known_kind",
      "known.author_id as known_author_id",
      "known.segment as known_segment",
      "known.position as known_position",
      "known.at as known_at",
      "subject.author_id as subject_author_id",
      "subject.segment as subject_segment",
      "subject.position as subject_position",
      eb.case().when("subject.bytes", "is", null).then(eb.lit(1)).else(eb.lit(0)).end().as("is_removed"),
    ])
    .where("member.room_id", "=", param.roomId)
    .where("member.user_id", "=", param.userId)
    .where("member.left_at", "is", null),
);

const entry = prepare<{ id: MessageId }>()((query, param) =>
  query.selectFrom("log_entries").select("id").where("id", "=", param.id),
);

/** Those in a room who are shown how far somebody has read: all but whom she has blocked. */
const watchers = prepare<{ roomId: RoomId; userId: UserId }>()((query, param) =>
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
        // Written out: only so is it seen that the index is of these.
        .where((on) => on("is_blocked", "=", on.lit(1))),
    ),
);

const removal = prepare<{ messageId: MessageId }>()((query, param) =>
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

/** Moves forward only: of several devices the one that read furthest wins. */
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

/** Messages before a place, newest first, of what the student may read; the removed ones among them. */
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
  watchers,
  standing,
  entry,
  removal,
  editsOf,
  latestReaction,
  markRead,
  readPosition,
  page,
};

/** Of each message its newest edit and each student's newest reaction, oldest first. */
export const newestChangeOf = (
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
