import { derive, type Observable } from "../runtime/observable.ts";
import type { CurrentStudent } from "../students/current-student.ts";
import type { CoreFeatures } from "../students/features.ts";

/** Counts unread notifications: the server's last count minus those that this device has marked as read since. */
export const createUnread = ({
  follow,
  entries,
}: Pick<CurrentStudent<Pick<CoreFeatures, "areas">>, "follow" | "entries">): Observable<number> => {
  const unreadOnServer = follow(({ areas }) => areas.unreadNotifications, 0);
  return derive([unreadOnServer, entries], () =>
    entries.value.reduce(
      (left, entry) =>
        entry.procedure !== "notifications.markRead" || entry.state !== "pending"
          ? left
          : Math.max(0, "ids" in entry.input ? left - entry.input.ids.length : 0),
      unreadOnServer.value,
    ),
  );
};
