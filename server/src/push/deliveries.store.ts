import { prepare, sql, type PushKind, type RawBuilder, type SqlBool } from "@edvoyage/db";
import type { NotificationId, RoomId, UserId } from "@edvoyage/protocol";
import { newestEdit, newestMessage } from "../chat/newest-message.ts";

const isDue = prepare<{ now: number }>()((query, param) =>
  query.selectFrom("push_deliveries").select("due_at").where("due_at", "<=", param.now).limit(1),
);

/** Leases the deliveries that are due, the oldest first: until `until` no other node takes them. */
const lease = prepare<{ now: number; until: number; lease: string; limit: number }>()((query, param) =>
  query
    .updateTable("push_deliveries")
    .set((eb) => ({ lease: param.lease, due_at: param.until, attempts: eb("attempts", "+", 1) }))
    .where((eb) =>
      eb(
        eb.refTuple("token_key", "subject_id"),
        "in",
        eb
          .selectFrom("push_deliveries as due")
          .select(["due.token_key", "due.subject_id"])
          .where("due.due_at", "<=", param.now)
          .orderBy("due.due_at")
          .limit(param.limit)
          .$asTuple("token_key", "subject_id"),
      ),
    )
    .returning(["token_key", "subject_id", "kind", "from_segment", "from_position", "revision", "attempts"]),
);

/** Deletes a leased delivery. Returns no row when it has changed since or another node has taken over the lease. */
const removeUnchanged = prepare<{ tokenKey: string; subjectId: Subject; lease: string; revision: number }>()(
  (query, param) =>
    query
      .deleteFrom("push_deliveries")
      .where("token_key", "=", param.tokenKey)
      .where("subject_id", "=", param.subjectId)
      .where("lease", "=", param.lease)
      .where("revision", "=", param.revision)
      .returning("token_key"),
);

/** Makes a delivery due again, from the place after the sent message: something newer came while it was being sent. */
const sendNewer = prepare<{
  tokenKey: string;
  subjectId: Subject;
  lease: string;
  segment: number;
  position: number;
  now: number;
}>()((query, param) =>
  query
    .updateTable("push_deliveries")
    .set({
      lease: null,
      attempts: 0,
      due_at: param.now,
      from_segment: param.segment,
      from_position: param.position,
    })
    .where("token_key", "=", param.tokenKey)
    .where("subject_id", "=", param.subjectId)
    .where("lease", "=", param.lease),
);

const retryLater = prepare<{ tokenKey: string; subjectId: Subject; lease: string; dueAt: number }>()(
  (query, param) =>
    query
      .updateTable("push_deliveries")
      .set({ lease: null, due_at: param.dueAt })
      .where("token_key", "=", param.tokenKey)
      .where("subject_id", "=", param.subjectId)
      .where("lease", "=", param.lease),
);

const giveUp = prepare<{ tokenKey: string; subjectId: Subject; lease: string }>()((query, param) =>
  query
    .deleteFrom("push_deliveries")
    .where("token_key", "=", param.tokenKey)
    .where("subject_id", "=", param.subjectId)
    .where("lease", "=", param.lease)
    .returning(["kind", "attempts", "created_at"]),
);

/** Adds a dead letter. Adds none when the token is gone, because its student is then unknown. */
const addDeadLetter = prepare<{
  id: string;
  tokenKey: string;
  kind: PushKind;
  subjectId: string;
  attempts: number;
  error: string;
  createdAt: number;
  now: number;
}>()((query, param) =>
  query
    .insertInto("push_dead_letters")
    .columns([
      "id",
      "user_id",
      "provider",
      "kind",
      "subject_id",
      "attempts",
      "error",
      "created_at",
      "died_at",
    ])
    .expression((eb) =>
      eb
        .selectFrom("push_tokens")
        .select((column) => [
          column.cast<string>(column.val(param.id), "text").as("id"),
          "user_id",
          "provider",
          column.cast<PushKind>(column.val(param.kind), "text").as("kind"),
          column.cast<string>(column.val(param.subjectId), "text").as("subject_id"),
          column.cast<number>(column.val(param.attempts), "integer").as("attempts"),
          column.cast<string>(column.val(param.error), "text").as("error"),
          column.cast<number>(column.val(param.createdAt), "bigint").as("created_at"),
          column.cast<number>(column.val(param.now), "bigint").as("died_at"),
        ])
        .where("key", "=", param.tokenKey),
    ),
);

const dropToken = prepare<{ tokenKey: string }>()((query, param) =>
  query.deleteFrom("push_tokens").where("key", "=", param.tokenKey).returning("key"),
);

const addReceipt = prepare<{ ticket: string; tokenKey: string; dueAt: number; now: number }>()(
  (query, param) =>
    query
      .insertInto("push_receipts")
      .columns(["ticket", "token_key", "due_at", "created_at"])
      .expression((eb) =>
        eb
          .selectFrom("push_tokens")
          .select((column) => [
            column.cast<string>(column.val(param.ticket), "text").as("ticket"),
            "key",
            column.cast<number>(column.val(param.dueAt), "bigint").as("due_at"),
            column.cast<number>(column.val(param.now), "bigint").as("created_at"),
          ])
          .where("key", "=", param.tokenKey),
      )
      .onConflict((conflict) => conflict.doNothing()),
);

const areReceiptsDue = prepare<{ now: number }>()((query, param) =>
  query.selectFrom("push_receipts").select("due_at").where("due_at", "<=", param.now).limit(1),
);

const leaseReceipts = prepare<{ now: number; until: number; limit: number }>()((query, param) =>
  query
    .updateTable("push_receipts")
    .set({ due_at: param.until })
    .where("ticket", "in", (eb) =>
      eb
        .selectFrom("push_receipts as due")
        .select("due.ticket")
        .where("due.due_at", "<=", param.now)
        .orderBy("due.due_at")
        .limit(param.limit),
    )
    .returning(["ticket", "token_key", "created_at"]),
);

const forgetReceipt = prepare<{ ticket: string }>()((query, param) =>
  query.deleteFrom("push_receipts").where("ticket", "=", param.ticket),
);

const forgetDeadLetters = prepare<{ before: string }>()((query, param) =>
  query.deleteFrom("push_dead_letters").where("id", "<", param.before),
);

const deadLetters = prepare<{ before: string; limit: number }>()((query, param) =>
  query
    .selectFrom("push_dead_letters")
    .selectAll()
    .where("id", "<", param.before)
    .orderBy("id", "desc")
    .limit(param.limit),
);

const countPending = prepare<{ limit: number }>()((query, param) =>
  query
    .selectFrom((inner) =>
      inner.selectFrom("push_deliveries").select("token_key").limit(param.limit).as("pending"),
    )
    .select((eb) => eb.fn.countAll<number>().as("count")),
);

const countDead = prepare<{ limit: number }>()((query, param) =>
  query
    .selectFrom((inner) => inner.selectFrom("push_dead_letters").select("id").limit(param.limit).as("dead"))
    .select((eb) => eb.fn.countAll<number>().as("count")),
);

/** Builds the condition that neither of the students in two columns has blocked the other. */
const noBlockBetween = (oneColumn: string, otherColumn: string): RawBuilder<SqlBool> => {
  const [one, other] = [sql.ref(oneColumn), sql.ref(otherColumn)];
  return sql<SqlBool>`not exists (select 1 from contacts where is_blocked = 1
    and ((owner_id = ${one} and contact_id = ${other}) or (contact_id = ${one} and owner_id = ${other})))`;
};

/**
 * Selects the newest message of a room, from a place on, that the student of the device may read and has not read yet, in
 * its current wording. Leaves out the student's own messages, removed messages and those of an author with whom there is a
 * block. Returns no row when there is nothing to tell.
 */
const roomNews = prepare<{ tokenKey: string; roomId: RoomId; segment: number; position: number }>()(
  (query, param) =>
    query
      .selectFrom("push_tokens as token")
      .innerJoin("room_members as own", "own.user_id", "token.user_id")
      .innerJoin("rooms", "rooms.id", "own.room_id")
      .innerJoin("log_entries as last", (join) =>
        join.on(
          "last.id",
          "=",
          newestMessage(
            sql`message.author_id <> own.user_id`,
            sql`(message.segment, message.position) >= (${param.segment}, ${param.position})`,
            sql`(message.segment, message.position) > (own.read_segment, own.read_position)`,
            noBlockBetween("own.user_id", "message.author_id"),
          ),
        ),
      )
      .leftJoin("log_entries as edit", (join) => join.on("edit.id", "=", newestEdit()))
      .leftJoin("profiles as author", (join) =>
        join.on((on) => on("author.user_id", "=", on.ref("last.author_id").$castTo<UserId>())),
      )
      .leftJoin("push_settings as settings", "settings.user_id", "token.user_id")
      .leftJoin("notification_preferences as preference", (join) =>
        join.onRef("preference.user_id", "=", "token.user_id").on("preference.kind", "=", "message"),
      )
      .select([
        "token.token",
        "token.provider",
        "token.platform",
        "token.session_id",
        "rooms.kind as room_kind",
        "rooms.name as room_name",
        "author.name as author_name",
        "last.segment",
        "last.position",
        "last.bytes",
        "edit.bytes as edit_bytes",
        "settings.shows_previews",
      ])
      .where("token.key", "=", param.tokenKey)
      .where("own.room_id", "=", param.roomId)
      .where("own.left_at", "is", null)
      .where((eb) => eb.or([eb("preference.is_pushed", "is", null), eb("preference.is_pushed", "=", 1)])),
);

/**
 * Selects a notification that is still unread and that the student wants as a push. Returns no row otherwise, or when there
 * is a block between the student and the actor.
 */
const notification = prepare<{ tokenKey: string; id: NotificationId }>()((query, param) =>
  query
    .selectFrom("push_tokens as token")
    .innerJoin("notifications as notification", "notification.user_id", "token.user_id")
    .leftJoin("notification_preferences as preference", (join) =>
      join
        .onRef("preference.user_id", "=", "notification.user_id")
        .onRef("preference.kind", "=", "notification.kind"),
    )
    .leftJoin("profiles as actor", "actor.user_id", "notification.actor_id")
    .select([
      "token.token",
      "token.provider",
      "token.platform",
      "notification.kind",
      "notification.subject_kind",
      "notification.subject_id",
      "notification.status",
      "actor.name as actor_name",
    ])
    .where("token.key", "=", param.tokenKey)
    .where("notification.id", "=", param.id)
    .where("notification.read_at", "is", null)
    .where((eb) => eb.or([eb("preference.is_pushed", "is", null), eb("preference.is_pushed", "=", 1)]))
    .where(noBlockBetween("notification.user_id", "notification.actor_id")),
);

/** The subject of a delivery: a room with new messages, or a notification. */
export type Subject = RoomId | NotificationId;

/** The queries of deliveries. */
export const deliveryQueries = {
  isDue,
  lease,
  removeUnchanged,
  sendNewer,
  retryLater,
  giveUp,
  addDeadLetter,
  dropToken,
  addReceipt,
  areReceiptsDue,
  leaseReceipts,
  forgetReceipt,
  forgetDeadLetters,
  deadLetters,
  countPending,
  countDead,
  roomNews,
  notification,
};
