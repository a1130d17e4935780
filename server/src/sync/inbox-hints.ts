import type { LogId, UserId } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import type { DocumentChannels } from "./document-channels.ts";
import type { LogAccess } from "./sync.ts";

/** Tells members who are online that their inbox changed, without work for each message or each member. */
export interface InboxHints {
  logChanged(id: LogId): void;
  /** Sends what had to wait; a few times a second. */
  tick(): void;
}

/** A busy room is looked up this often, however many messages it gets. */
const INTERVAL_MS = 500;

export const createInboxHints = (deps: {
  readonly access: Pick<LogAccess, "readers">;
  readonly channels: Pick<DocumentChannels, "inboxChanged" | "isOpen" | "size">;
  readonly clock: Clock;
  readonly background: (task: Promise<unknown>) => void;
}): InboxHints => {
  const { access, channels, clock, background } = deps;
  const toldAtByLog = new Map<LogId, number>();
  const due = new Set<LogId>();

  const tell = async (id: LogId): Promise<void> => {
    try {
      const userIds: readonly UserId[] = await access.readers(id);
      for (const userId of userIds) channels.inboxChanged(userId);
    } catch (error) {
      // Tried again like one that came too soon.
      toldAtByLog.set(id, clock.now());
      due.add(id);
      throw error;
    }
  };

  const logChanged = (id: LogId): void => {
    if (channels.size === 0) return;
    const now = clock.now();
    if (now - (toldAtByLog.get(id) ?? Number.NEGATIVE_INFINITY) < INTERVAL_MS) return void due.add(id);
    toldAtByLog.set(id, now);
    background(tell(id));
  };

  return {
    logChanged,
    tick: () => {
      const now = clock.now();
      for (const [id, toldAt] of toldAtByLog) {
        if (now - toldAt < INTERVAL_MS) continue;
        toldAtByLog.delete(id);
        if (due.delete(id)) logChanged(id);
      }
    },
  };
};
