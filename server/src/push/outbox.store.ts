import { prepare, type PushKind, type Queries, type UnitOfWork } from "@edvoyage/db";
import type { NotificationId, PushProviderName, RoomId, UserId } from "@edvoyage/protocol";

/** Adds an event for a message. Adds none while no device is registered at all. */
const addMessage = prepare<{ id: string; subjectId: string }>()((query, param) =>
  query
    .insertInto("push_events")
    .columns(["id", "kind", "subject_id"])
    .expression((eb) =>
      eb
        .selectFrom("push_tokens")
        .select((column) => [
          column.cast<string>(column.val(param.id), "text").as("id"),
          column.val<PushKind>("message").as("kind"),
          column.cast<string>(column.val(param.subjectId), "text").as("subject_id"),
        ])
        .limit(1),
    )
    .returning("id"),
);

/** Adds an event for a notification. Adds none when the student has no registered device. */
const addNotification = prepare<{ id: string; subjectId: string; userId: UserId }>()((query, param) =>
  query
    .insertInto("push_events")
    .columns(["id", "kind", "subject_id", "user_id"])
    .expression((eb) =>
      eb
        .selectFrom("push_tokens")
        .select((column) => [
          column.cast<string>(column.val(param.id), "text").as("id"),
          column.val<PushKind>("notification").as("kind"),
          column.cast<string>(column.val(param.subjectId), "text").as("subject_id"),
          "user_id",
        ])
        .where("user_id", "=", param.userId)
        .limit(1),
    )
    .returning("id"),
);

/** Selects the oldest events, each message with its place in the log. */
const oldestEvents = prepare<{ limit: number }>()((query, param) =>
  query
    .selectFrom("push_events as event")
    .leftJoin("log_entries as entry", "entry.id", "event.subject_id")
    .select([
      "event.id",
      "event.kind",
      "event.subject_id",
      "event.user_id",
      "event.after_user_id",
      "entry.log_id",
      "entry.segment",
      "entry.position",
      "entry.author_id",
    ])
    .orderBy("event.id")
    .limit(param.limit),
);

const anyEvent = prepare<Record<never, never>>()((query) =>
  query.selectFrom("push_events").select("id").limit(1),
);

const membersAfter = prepare<{ roomId: RoomId; after: string; limit: number }>()((query, param) =>
  query
    .selectFrom("room_members")
    .select("user_id")
    .where("room_id", "=", param.roomId)
    .where("left_at", "is", null)
    .where((eb) => eb("user_id", ">", eb.cast<UserId>(eb.val(param.after), "text")))
    .orderBy("user_id")
    .limit(param.limit),
);

/** Selects the devices that a notification is pushed to. */
const devicesOf = prepare<{ userId: UserId; id: NotificationId }>()((query, param) =>
  query
    .selectFrom("push_tokens as token")
    .innerJoin("notifications as notification", "notification.user_id", "token.user_id")
    .leftJoin("notification_preferences as preference", (join) =>
      join
        .onRef("preference.user_id", "=", "notification.user_id")
        .onRef("preference.kind", "=", "notification.kind"),
    )
    .select(["token.key", "token.provider"])
    .where("token.user_id", "=", param.userId)
    .where("notification.id", "=", param.id)
    .where("notification.read_at", "is", null)
    .where((eb) => eb.or([eb("preference.is_pushed", "is", null), eb("preference.is_pushed", "=", 1)])),
);

/** The queries of the outbox. */
export const outboxQueries = { addMessage, addNotification, oldestEvents, anyEvent, membersAfter, devicesOf };

/** Selects the devices of members who have not read up to a place and want pushes for messages. */
export const devicesInRoom = (
  queries: Queries,
  {
    roomId,
    userIds,
    newest,
    providers,
  }: {
    readonly roomId: RoomId;
    readonly userIds: readonly UserId[];
    readonly newest: { readonly segment: number; readonly position: number };
    readonly providers: readonly PushProviderName[];
  },
) =>
  queries.kysely
    .selectFrom("push_tokens as token")
    .innerJoin("room_members as member", "member.user_id", "token.user_id")
    .leftJoin("notification_preferences as preference", (join) =>
      join.onRef("preference.user_id", "=", "token.user_id").on("preference.kind", "=", "message"),
    )
    .select("token.key")
    .where("token.user_id", "in", userIds)
    .where("token.provider", "in", providers)
    .where("member.room_id", "=", roomId)
    .where((eb) =>
      eb(
        eb.refTuple("member.read_segment", "member.read_position"),
        "<",
        eb.tuple(newest.segment, newest.position),
      ),
    )
    .where((eb) => eb.or([eb("preference.is_pushed", "is", null), eb("preference.is_pushed", "=", 1)]))
    .execute();

/** Adds deliveries for devices. A delivery that is already pending for the same subject also covers the new event. */
export const addDeliveries = async (
  tx: UnitOfWork,
  keys: readonly string[],
  about: {
    readonly kind: PushKind;
    readonly subjectId: RoomId | NotificationId;
    readonly from: { readonly segment: number; readonly position: number };
    readonly now: number;
  },
): Promise<void> => {
  if (keys.length === 0) return;
  await tx.kysely
    .insertInto("push_deliveries")
    .values(
      keys.map((token_key) => ({
        token_key,
        subject_id: about.subjectId,
        kind: about.kind,
        from_segment: about.from.segment,
        from_position: about.from.position,
        revision: 0,
        attempts: 0,
        lease: null,
        due_at: about.now,
        created_at: about.now,
      })),
    )
    .onConflict((conflict) =>
      conflict
        .columns(["token_key", "subject_id"])
        .doUpdateSet((eb) => ({ revision: eb("push_deliveries.revision", "+", 1) })),
    )
    .execute();
};

/** Deletes events whose deliveries are written. With `after`, keeps them for the members after that one. */
export const settleEvents = async (
  tx: UnitOfWork,
  ids: readonly string[],
  after: UserId | undefined,
): Promise<void> => {
  if (after === undefined) await tx.kysely.deleteFrom("push_events").where("id", "in", ids).execute();
  else
    await tx.kysely.updateTable("push_events").set({ after_user_id: after }).where("id", "in", ids).execute();
};
