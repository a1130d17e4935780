import type { Notification, NotificationId, Page } from "@edvoyage/protocol";
import type { CurrentStudent } from "../students/current-student.ts";
import { watchFrom, type Unsubscribe } from "../runtime/observable.ts";
import type { Projections } from "../reads/query.ts";
import type { Write } from "../outbox/write.ts";
import type { View } from "../reads/views.ts";
import type { CoreFeatures } from "../students/features.ts";
import { createUnread } from "./unread.ts";
import { createPreferences, preferenceProjections, type Preferences } from "./preferences.ts";

/** A student's notifications, newest first. */
export interface Notifications extends View<Page<Notification>> {
  /** The number of unread ones: the server's last count minus those read here since. 1,000 means 1,000 or more. */
  readonly unread: number;
  /** Calls the listener with the number immediately and after each change. */
  watchUnread(listener: (unread: number) => void): Unsubscribe;
  /** Marks some notifications or all of them as read; visible immediately. */
  markRead(which: readonly string[] | "all"): Promise<Write>;
  readonly preferences: Preferences;
}

/** Creates the notifications of the current student. */
export const createNotifications = (student: CurrentStudent<Pick<CoreFeatures, "areas">>): Notifications => {
  const unread = createUnread(student);
  return {
    ...student.open({ procedure: "notifications.recent", input: {}, count: 20 }),
    get unread() {
      return unread.value;
    },
    watchUnread: (listener) => watchFrom(unread, listener),
    markRead: async (which) => {
      // The server skips unknown ids.
      const input = which === "all" ? { all: true as const } : { ids: [...which] as NotificationId[] };
      return student.queue("notifications.markRead", input, { about: "notifications" });
    },
    preferences: createPreferences(student),
  };
};

export const notificationProjections: Projections = {
  ...preferenceProjections,
  "notifications.recent": (list, { entry }) => {
    if (!list || entry.procedure !== "notifications.markRead" || entry.state !== "pending") return list;
    const { input, createdAt } = entry;
    const isMeant = ({ id, readAt }: Notification) =>
      readAt === null && ("all" in input || input.ids.includes(id));
    return list.items.some(isMeant)
      ? { ...list, items: list.items.map((item) => (isMeant(item) ? { ...item, readAt: createdAt } : item)) }
      : list;
  },
};
