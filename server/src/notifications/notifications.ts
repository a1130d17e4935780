import type { Database, UnitOfWork } from "@edvoyage/db";
import type {
  NotificationId,
  NotificationKind,
  NotificationSubjectKind,
  UserId,
  Notification,
} from "@edvoyage/protocol";
import { z } from "zod";
import { DAY_MS } from "../platform/clock.ts";
import type { CommandSource, Commands } from "../commands/commands.ts";
import type { NewId } from "../platform/crypto.ts";
import type { Areas } from "../inbox/areas.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import { collectPages, eraseUntilNone, type ErasurePart, type ExportPart } from "../account/personal-data.ts";
import type { PushOutbox } from "../push/outbox.ts";
import type { Preferences } from "./preferences.ts";
import { notificationQueries as queries, type NotificationRow } from "./notifications.store.ts";

export type { Notification } from "@edvoyage/protocol";

/** An event to notify a student about. */
export interface NewNotification {
  readonly userId: UserId;
  readonly kind: NotificationKind;
  readonly actorId: UserId | null;
  readonly subject: { readonly kind: NotificationSubjectKind; readonly id: string };
  readonly status?: string;
}

/** An event that its actor has undone. */
export interface WithdrawnNotification extends Omit<NewNotification, "status"> {
  readonly actorId: UserId;
}

/** The notifications of students. */
export interface Notifications {
  /**
   * Notifies a student of an event; call it in the unit of work of the event. Does nothing if the student is the actor, has
   * turned off this kind, has already been notified of the same kind, actor and subject, or if there is a block between the
   * two.
   */
  add(tx: UnitOfWork, notification: NewNotification, now: number): Promise<void>;
  /** Deletes the notification of an event that was undone, unless it has been read. */
  takeBack(tx: UnitOfWork, notification: WithdrawnNotification, now: number): Promise<void>;
  /** Deletes every notification about a subject that no longer exists. */
  forget(tx: UnitOfWork, subject: NewNotification["subject"]): Promise<void>;
  /** Newest first. */
  recent(
    userId: UserId,
    page: { readonly cursor?: string | null | undefined; readonly limit: number },
  ): Promise<Page<Notification>>;
  /** Returns the notifications that arrived or were read at or after an instant, at most 100, and the number of unread ones. */
  changes(
    userId: UserId,
    since: number,
  ): Promise<{ readonly items: readonly Notification[]; readonly unread: number }>;
  /**
   * Marks notifications as read: some, or all up to and including an instant of the server's clock. Default: up to now. Ids that
   * are not the caller's own are ignored.
   */
  markRead(
    source: CommandSource,
    which:
      | { readonly ids: readonly NotificationId[] }
      | { readonly all: true; readonly seenUntil?: number | undefined },
  ): Promise<{ readonly marked: number }>;
  /** Deletes notifications that were read more than 90 days ago. */
  prune(now: number): Promise<void>;
}

export interface NotificationsDeps {
  readonly database: Database;
  readonly commands: Commands;
  readonly areas: Areas;
  readonly push: Pick<PushOutbox, "notified">;
  readonly newId: NewId;
}

/** Counting unread notifications stops here. */
const MAX_UNREAD = 1_000;
const MAX_CHANGES = 100;
/** Sorts after every id, both by bytes and by a language's collation (which sorts `~` before digits). */
const AFTER_ALL = "z";
/** The most notifications in a student's list. A new one replaces the oldest. */
const MAX_KEPT = 1_000;
/** How long a notification is kept after it was read. */
const READ_KEPT_MS = 90 * DAY_MS;
const PRUNE_BATCH = 500;

export const createNotifications = (deps: NotificationsDeps): Notifications => {
  const { database, commands, areas, push, newId } = deps;
  const { read } = database;
  return {
    add: async (tx, { userId, kind, actorId, subject, status }, now) => {
      if (actorId === userId) return;
      if (await tx.first(queries.unwanted, { userId, actorId, kind })) return;
      const { kind: subjectKind, id: subjectId } = subject;
      if (actorId && (await tx.first(queries.repeated, { userId, kind, actorId, subjectId }))) return;
      const id = newId<NotificationId>(now);
      const row = { userId, id, kind, actorId, subjectKind, subjectId, status: status ?? null, now };
      await tx.all(queries.insert, row);
      await tx.all(queries.forgetBeyond, { userId, kept: MAX_KEPT });
      await push.notified(tx, { userId, id }, now);
      await areas.touch(tx, userId, { area: "notifications", now });
    },

    takeBack: async (tx, { userId, kind, actorId, subject }, now) => {
      const undone = { userId, kind, actorId, subjectKind: subject.kind, subjectId: subject.id };
      if (!(await tx.first(queries.takeBack, undone))) return;
      await areas.touch(tx, userId, { area: "notifications", now });
    },

    forget: async (tx, { kind, id }) => {
      await tx.all(queries.forget, { subjectKind: kind, subjectId: id });
    },

    recent: async (userId, { cursor, limit }) => {
      const before = parseCursor(cursor, "notifications", z.tuple([z.string()]));
      const rows = await read.all(queries.page, {
        userId,
        before: toNotificationId(before?.[0] ?? AFTER_ALL),
        limit: limit + 1,
      });
      return toPage(rows, limit, {
        list: "notifications",
        itemOf: rowToNotification,
        positionOf: ({ id }) => [id],
      });
    },

    changes: async (userId, since) => {
      const [rows, unread] = await Promise.all([
        read.all(queries.changedSince, { userId, since, limit: MAX_CHANGES }),
        read.first(queries.countUnread, { userId, limit: MAX_UNREAD }),
      ]);
      return { items: rows.map(rowToNotification), unread: unread?.count ?? 0 };
    },

    markRead: (source, which) =>
      commands.execute(source, { procedure: "notifications.markRead", input: which }, async (tx, now) => {
        const { userId } = source;
        let marked = 0;
        if ("all" in which) {
          const until = which.seenUntil ?? Number.MAX_SAFE_INTEGER;
          marked = (await tx.all(queries.markAllRead, { userId, until, now })).length;
        } else {
          // Always in the same order: otherwise two devices that mark the same notifications could deadlock.
          for (const id of which.ids.toSorted()) {
            if (await tx.first(queries.markRead, { userId, id, now })) marked += 1;
          }
        }
        if (marked > 0) await areas.touch(tx, userId, { area: "notifications", now });
        return { marked };
      }),

    prune: async (now) => {
      const batch = { before: now - READ_KEPT_MS, limit: PRUNE_BATCH };
      while ((await database.write((tx) => tx.all(queries.forgetRead, batch))).length === PRUNE_BATCH);
    },
  };
};

/** Exports a student's notifications and notification preferences. */
export const createNotificationExport = ({
  notifications,
  preferences,
}: {
  readonly notifications: Pick<Notifications, "recent">;
  readonly preferences: Pick<Preferences, "get">;
}): readonly ExportPart[] => [
  {
    name: "notifications",
    tables: ["notifications"],
    read: (userId) => collectPages((page) => notifications.recent(userId, page)),
  },
  {
    name: "notificationPreferences",
    tables: ["notification_preferences", "push_settings"],
    read: (userId) => preferences.get(userId),
  },
];

/** Erases a student's notifications, and the notifications to others about what the student did. */
export const createNotificationErasure = (): ErasurePart => ({
  name: "notifications",
  erase: async (userId, run) => {
    await eraseUntilNone(run, (tx) => tx.all(queries.eraseSomeOf, { userId }));
    await eraseUntilNone(run, (tx) => tx.all(queries.eraseSomeBy, { actorId: userId }));
  },
});

const toNotificationId = (text: string): NotificationId => text as NotificationId;

const rowToNotification = (row: NotificationRow): Notification => ({
  id: row.id,
  kind: row.kind,
  actor: row.actor_id === null ? null : { id: row.actor_id, name: row.actor_name },
  subject: { kind: row.subject_kind, id: row.subject_id },
  status: row.status,
  at: row.at,
  readAt: row.read_at,
});
