import { prepare, type Queries } from "@edvoyage/db";
import type { NotificationId, NotificationKind, NotificationSubjectKind, UserId } from "@edvoyage/protocol";
import { visibleName } from "../contacts/visible-name.ts";

const columns = [
  "notifications.id",
  "notifications.kind",
  "notifications.actor_id",
  "notifications.subject_kind",
  "notifications.subject_id",
  "notifications.status",
  "notifications.at",
  "notifications.read_at",
] as const;

/** A notification with its actor's profile name; the name is `null` if the actor has none or has blocked the student. */
export interface NotificationRow {
  readonly id: NotificationId;
  readonly kind: NotificationKind;
  readonly actor_id: UserId | null;
  readonly actor_name: string | null;
  readonly subject_kind: NotificationSubjectKind;
  readonly subject_id: string;
  readonly status: string | null;
  readonly at: number;
  readonly read_at: number | null;
}

const ownNotifications = (query: Queries["kysely"], userId: UserId) =>
  query
    .selectFrom("notifications")
    .leftJoin("profiles", "profiles.user_id", "notifications.actor_id")
    .select([...columns, visibleName(userId, "notifications.actor_id").as("actor_name")])
    .where("notifications.user_id", "=", userId);

const page = prepare<{ userId: UserId; before: NotificationId; limit: number }>()((query, param) =>
  ownNotifications(query, param.userId)
    .where("notifications.id", "<", param.before)
    .orderBy("notifications.id", "desc")
    .limit(param.limit),
);

const changedSince = prepare<{ userId: UserId; since: number; limit: number }>()((query, param) =>
  ownNotifications(query, param.userId)
    .where("notifications.changed_at", ">=", param.since)
    .orderBy("notifications.changed_at", "desc")
    .orderBy("notifications.id", "desc")
    .limit(param.limit),
);

const countUnread = prepare<{ userId: UserId; limit: number }>()((query, param) =>
  query
    .selectFrom((inner) =>
      inner
        .selectFrom("notifications")
        .select("id")
        .where("user_id", "=", param.userId)
        .where("read_at", "is", null)
        .limit(param.limit)
        .as("unread"),
    )
    .select((eb) => eb.fn.countAll<number>().as("count")),
);

/** Returns a row if the student gets no notification: they turned off this kind, or one of the two has blocked the other. */
const unwanted = prepare<{ userId: UserId; actorId: UserId | null; kind: NotificationKind }>()(
  (query, param) =>
    query
      .selectFrom("users")
      .select("users.id")
      .where("users.id", "=", param.userId)
      .where((eb) =>
        eb.or([
          eb.exists(
            eb
              .selectFrom("notification_preferences")
              .select("kind")
              .where("user_id", "=", param.userId)
              .where("kind", "=", param.kind)
              .where("is_listed", "=", 0),
          ),
          eb.exists(
            eb
              .selectFrom("contacts")
              .select("owner_id")
              .where("owner_id", "=", param.userId)
              .where("contact_id", "=", param.actorId)
              .where("is_blocked", "=", 1),
          ),
          eb.exists(
            eb
              .selectFrom("contacts")
              .select("owner_id")
              .where("owner_id", "=", param.actorId)
              .where("contact_id", "=", param.userId)
              .where("is_blocked", "=", 1),
          ),
        ]),
      ),
);

/** Finds an earlier notification of the same event, such as a like that was withdrawn and given again. */
const repeated = prepare<{
  userId: UserId;
  kind: NotificationKind;
  actorId: UserId;
  subjectId: string;
}>()((query, param) =>
  query
    .selectFrom("notifications")
    .select("id")
    .where("subject_id", "=", param.subjectId)
    .where("user_id", "=", param.userId)
    .where("kind", "=", param.kind)
    .where("actor_id", "=", param.actorId),
);

const insert = prepare<{
  userId: UserId;
  id: NotificationId;
  kind: NotificationKind;
  actorId: UserId | null;
  subjectKind: NotificationSubjectKind;
  subjectId: string;
  status: string | null;
  now: number;
}>()((query, param) =>
  query.insertInto("notifications").values({
    user_id: param.userId,
    id: param.id,
    kind: param.kind,
    actor_id: param.actorId,
    subject_kind: param.subjectKind,
    subject_id: param.subjectId,
    status: param.status,
    at: param.now,
    read_at: null,
    changed_at: param.now,
  }),
);

const takeBack = prepare<{
  userId: UserId;
  kind: NotificationKind;
  actorId: UserId;
  subjectKind: NotificationSubjectKind;
  subjectId: string;
}>()((query, param) =>
  query
    .deleteFrom("notifications")
    .where("subject_id", "=", param.subjectId)
    .where("user_id", "=", param.userId)
    .where("kind", "=", param.kind)
    .where("actor_id", "=", param.actorId)
    .where("subject_kind", "=", param.subjectKind)
    .where("read_at", "is", null)
    .returning("id"),
);

const forget = prepare<{ subjectKind: NotificationSubjectKind; subjectId: string }>()((query, param) =>
  query
    .deleteFrom("notifications")
    .where("subject_id", "=", param.subjectId)
    .where("subject_kind", "=", param.subjectKind),
);

const markRead = prepare<{ userId: UserId; id: NotificationId; now: number }>()((query, param) =>
  query
    .updateTable("notifications")
    .set({ read_at: param.now, changed_at: param.now })
    .where("user_id", "=", param.userId)
    .where("id", "=", param.id)
    .where("read_at", "is", null)
    .returning("id"),
);

const markAllRead = prepare<{ userId: UserId; until: number; now: number }>()((query, param) =>
  query
    .updateTable("notifications")
    .set({ read_at: param.now, changed_at: param.now })
    .where("user_id", "=", param.userId)
    .where("at", "<=", param.until)
    .where("read_at", "is", null)
    .returning("id"),
);

/** Rows deleted by one statement. */
const ERASE_BATCH = 500;

const eraseSomeOf = prepare<{ userId: UserId }>()((query, param) =>
  query
    .deleteFrom("notifications")
    .where("user_id", "=", param.userId)
    .where("id", "in", (eb) =>
      eb.selectFrom("notifications").select("id").where("user_id", "=", param.userId).limit(ERASE_BATCH),
    )
    .returning("id"),
);

const eraseSomeBy = prepare<{ actorId: UserId }>()((query, param) =>
  query
    .deleteFrom("notifications")
    .where((eb) =>
      eb(
        eb.refTuple("user_id", "id"),
        "in",
        eb
          .selectFrom("notifications as some")
          .select(["some.user_id", "some.id"])
          .where("some.actor_id", "=", param.actorId)
          .limit(ERASE_BATCH)
          .$asTuple("user_id", "id"),
      ),
    )
    .returning("id"),
);

/** Deletes what exceeds `kept`. Usually this is at most one row, because the list grows by one at a time. */
const forgetBeyond = prepare<{ userId: UserId; kept: number }>()((query, param) =>
  query
    .deleteFrom("notifications")
    .where("user_id", "=", param.userId)
    .where("id", "<=", (eb) =>
      eb
        .selectFrom("notifications as newer")
        .select("newer.id")
        .where("newer.user_id", "=", param.userId)
        .orderBy("newer.id", "desc")
        .limit(1)
        .offset(param.kept),
    ),
);

const forgetRead = prepare<{ before: number; limit: number }>()((query, param) =>
  query
    .deleteFrom("notifications")
    .where((eb) =>
      eb(
        eb.refTuple("user_id", "id"),
        "in",
        eb
          .selectFrom("notifications as old")
          .select(["old.user_id", "old.id"])
          .where("old.read_at", "<", param.before)
          .limit(param.limit)
          .$asTuple("user_id", "id"),
      ),
    )
    .returning("id"),
);

/** The queries of notifications. */
export const notificationQueries = {
  page,
  changedSince,
  countUnread,
  unwanted,
  repeated,
  insert,
  takeBack,
  forget,
  markRead,
  markAllRead,
  eraseSomeOf,
  eraseSomeBy,
  forgetBeyond,
  forgetRead,
};
