import type { Notification, NotificationId, Page } from "@edvoyage/protocol";
import type { CurrentStudent } from "../students/current-student.ts";
import type { FeatureModule } from "../students/feature-module.ts";
import type { QueuedInputs } from "../rpc/queued-inputs.ts";
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
  /**
   * Marks some notifications as read, or all that this device knew of at the call: later ones stay unread, however long the call
   * waits for a network. Visible immediately.
   */
  markRead(which: readonly string[] | "all"): Promise<Write>;
  readonly preferences: Preferences;
}

const createNotifications = (student: CurrentStudent<Pick<CoreFeatures, "areas">>): Notifications => {
  const unread = createUnread(student);
  const view: View<Page<Notification>> = student.open({
    procedure: "notifications.recent",
    input: {},
    count: 20,
  });
  const queue = (input: QueuedInputs["notifications.markRead"]): Promise<Write> =>
    student.queue("notifications.markRead", input, { about: "notifications" });

  /** Returns the last instant of which this device knows, on the server's clock: from the list or from the count. Default: 0. */
  const knownUntil = async (): Promise<number> => {
    const { areas } = student.require();
    const listed = await view.get({ deviceOnly: true }).catch(() => undefined);
    const ofList = listed?.items.map(({ at }) => at) ?? [];
    return Math.max(areas.changedAt("notifications") ?? 0, ...ofList);
  };

  return {
    ...view,
    get unread() {
      return unread.value;
    },
    watchUnread: (listener) => watchFrom(unread, listener),
    markRead: async (which) => {
      student.require();
      if (which === "all") {
        const seenUntil = await knownUntil();
        return queue({ all: true, ...(seenUntil > 0 && { seenUntil }) });
      }
      // The server skips unknown ids.
      const ids = [...which] as NotificationId[];
      // All parts are sent in order, so the last one settles last.
      let last: Write | undefined;
      for (let start = 0; start < ids.length; start += MAX_IDS) {
        last = await queue({ ids: ids.slice(start, start + MAX_IDS) });
      }
      return last ?? student.nothingToSend();
    },
    preferences: createPreferences(student),
  };
};

/** The most ids in one command. */
const MAX_IDS = 100;

const notificationProjections: Projections = {
  ...preferenceProjections,
  "notifications.recent": (list, { entry }) => {
    if (!list || entry.procedure !== "notifications.markRead" || entry.state !== "pending") return list;
    const { input, createdAt } = entry;
    const isMeant = ({ id, at, readAt }: Notification) =>
      readAt === null && ("all" in input ? at <= (input.seenUntil ?? at) : input.ids.includes(id));
    return list.items.some(isMeant)
      ? { ...list, items: list.items.map((item) => (isMeant(item) ? { ...item, readAt: createdAt } : item)) }
      : list;
  },
};

/** The feature module for notifications and their preferences. */
export const notifications: FeatureModule<Notifications> = {
  open: createNotifications,
  projections: notificationProjections,
};
