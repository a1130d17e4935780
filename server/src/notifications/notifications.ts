import type { Database, UnitOfWork } from "@edvoyage/db";
import type { NotificationId, NotificationKind, NotificationSubjectKind, UserId } from "@edvoyage/protocol";
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

/** Something that happened to a student. */
export interface Notification {
  readonly id: NotificationId;
  readonly kind: NotificationKind;
  /** Who did it; `null` for the people of EdVoyage. Her name is also `null` once she has blocked whoever is told. */
  readonly actor: { readonly id: UserId; readonly name: string | null } | null;
  readonly subject: { readonly kind: NotificationSubjectKind; readonly id: string };
  /** What an application has become; `null` for other subjects. */
  readonly status: string | null;
  readonly at: number;
  readonly readAt: number | null;
}

/** What happened, and to whom. */
export interface NewNotification {
  readonly userId: UserId;
  readonly kind: NotificationKind;
  readonly actorId: UserId | null;
  readonly subject: { readonly kind: NotificationSubjectKind; readonly id: string };
  readonly status?: string;
}

/** What somebody did and undid. */
export interface WithdrawnNotification extends Omit<NewNotification, "status"> {
  readonly actorId: UserId;
}

/** What students are told of. */
export interface Notifications {
  /**
   * Tells a student what happened; belongs to its unit of work. Nothing comes of what she does herself, does not want
   * to hear of, was told already of the same actor and subject, or of somebody with whom there is a block.
   */
  add(tx: UnitOfWork, notification: NewNotification, now: number): Promise<void>;
  /** Takes back what was told and is not so any more, unless it was read. */
  takeBack(tx: UnitOfWork, notification: WithdrawnNotification, now: number): Promise<void>;
  /** Takes from everybody's list what is about something that is gone. */
  forget(tx: UnitOfWork, subject: NewNotification["subject"]): Promise<void>;
  /** Newest first. */
  recent(
    userId: UserId,
    page: { readonly cursor?: string | null | undefined; readonly limit: number },
  ): Promise<Page<Notification>>;
  /** Those that came or were read at or after an instant, 100 at the most, and how many are unread. */
  changes(
    userId: UserId,
    since: number,
  ): Promise<{ readonly items: readonly Notification[]; readonly unread: number }>;
  /** Ids of somebody else's are passed over: they are not there. */
  markRead(
    asking: CommandSource,
    which: { readonly ids: readonly NotificationId[] } | { readonly all: true },
  ): Promise<{ readonly marked: number }>;
  /** Forgets what was read 90 days ago. */
  prune(now: number): Promise<void>;
}

export interface NotificationsDeps {
  readonly database: Database;
  readonly commands: Commands;
  readonly areas: Areas;
  readonly push: Pick<PushOutbox, "notified">;
  readonly newId: NewId;
}

/** A count of unread ones goes no further. */
const MAX_UNREAD = 1_000;
const MAX_CHANGES = 100;
/** Greater than every id, by bytes and in the order of a language: there `~` comes before digits. */
const AFTER_ALL = "z";
/** A student's list is no longer than this: the oldest goes for the newest. */
const MAX_KEPT = 1_000;
/** What was read is kept this long. */
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
      const what = { userId, kind, actorId, subjectKind: subject.kind, subjectId: subject.id };
      if (!(await tx.first(queries.takeBack, what))) return;
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

    markRead: (asking, which) =>
      commands.execute(asking, { procedure: "notifications.markRead", input: which }, async (tx, now) => {
        const { userId } = asking;
        let marked = 0;
        if ("all" in which) marked = (await tx.all(queries.markAllRead, { userId, now })).length;
        else {
          // In one order: two devices that mark the same would else wait for each other.
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

/** What happened to a student, and what she wants to hear of. */
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

/** What happened to a student, and what others were told of her. */
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
