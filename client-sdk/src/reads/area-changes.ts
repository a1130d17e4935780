import type { AnswerOf } from "../rpc/server-api.ts";
import { createSubject, type Observable } from "../runtime/observable.ts";
import { putJson, type Records } from "../storage/records.ts";

/** What this device has heard of changes to what the student keeps on the server. */
export interface AreaChanges {
  /** When an area changed last, by the server's clock; another one after every change. */
  changedAt(area: string): number | undefined;
  readonly unreadNotifications: Observable<number>;
  /** The server's clock at the last answer that came with it. */
  serverNow(): number | undefined;
  /** Takes what `inbox.changes` says. The same area comes again: only another instant is a change. */
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

/** Reads what the device has heard; calls `onHeard` after each answer. */
export const openAreaChanges = async (
  records: Pick<Records, "getJson" | "write">,
  onHeard: () => void,
): Promise<AreaChanges> => {
  let known: Stored = (await records.getJson<Stored>(KEY)) ?? { changedAt: {}, unreadNotifications: 0 };
  const unread = createSubject(known.unreadNotifications);
  return {
    changedAt: (area) => known.changedAt[area],
    unreadNotifications: unread,
    serverNow: () => known.serverNow,
    take: async ({ areas, unreadNotifications, serverNow }) => {
      const changes = areas.map(({ area, changedAt }) => [area, changedAt] as const);
      const changedAt = { ...known.changedAt, ...Object.fromEntries(changes) };
      const next = { changedAt, unreadNotifications, serverNow };
      const isNew = JSON.stringify(next) !== JSON.stringify(known);
      known = next;
      unread.set(unreadNotifications);
      onHeard();
      if (isNew) await records.write([putJson(KEY, known)]);
    },
  };
};
