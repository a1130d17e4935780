import type { AnswerOf } from "../rpc/server-api.ts";
import { createSubject, type Observable } from "../runtime/observable.ts";
import { putJson, type Records } from "../storage/records.ts";

/** The changes on the server that this device knows of, by area of the student's data. */
export interface AreaChanges {
  /** Returns when an area last changed, on the server's clock; different after every change. */
  changedAt(area: string): number | undefined;
  readonly unreadNotifications: Observable<number>;
  /** Returns the server's clock at the last answer that included it. */
  serverNow(): number | undefined;
  /** Reads what another tab has stored. */
  reload(): Promise<void>;
  /** Stores an answer of `inbox.changes`. The server repeats areas: an area has changed only if its time is different. */
  take(
    answer: Pick<AnswerOf<"inbox.changes">, "areas" | "unreadNotifications"> & {
      readonly serverNow?: number;
    },
  ): Promise<void>;
}

interface Stored {
  readonly changedAt: Readonly<Record<string, number>>;
  readonly unreadNotifications: number;
  readonly serverNow?: number | undefined;
}

const KEY = "areas";

/** Reads the device's record; calls `onHeard` after each answer. */
export const openAreaChanges = async (
  records: Pick<Records, "getJson" | "write">,
  onHeard: () => void,
): Promise<AreaChanges> => {
  let latest: Stored = (await records.getJson<Stored>(KEY)) ?? { changedAt: {}, unreadNotifications: 0 };
  const unread = createSubject(latest.unreadNotifications);
  return {
    changedAt: (area) => latest.changedAt[area],
    unreadNotifications: unread,
    serverNow: () => latest.serverNow,
    take: async ({ areas, unreadNotifications, serverNow }) => {
      const changes = areas.map(({ area, changedAt }) => [area, changedAt] as const);
      const changedAt = { ...latest.changedAt, ...Object.fromEntries(changes) };
      const next = { changedAt, unreadNotifications, serverNow };
      const isNew = JSON.stringify(next) !== JSON.stringify(latest);
      latest = next;
      unread.set(unreadNotifications);
      onHeard();
      if (isNew) await records.write([putJson(KEY, latest)]);
    },
    reload: async () => {
      latest = (await records.getJson<Stored>(KEY)) ?? latest;
      unread.set(latest.unreadNotifications);
      onHeard();
    },
  };
};
