import type { LogId, UserId } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import type { DocumentChannels } from "./document-channels.ts";
import type { LogAccess } from "./log-access.ts";

/** Tells online members that their inbox changed, without work for each message. */
export interface InboxHints {
  logChanged(id: LogId): void;
  /** Sends delayed hints. Called a few times a second. */
  tick(): void;
}

/** The members of a busy room are looked up at most this often, however many messages it gets. */
const INTERVAL_MS = 500;

export const createInboxHints = (deps: {
  readonly access: Pick<LogAccess, "readers">;
  readonly channels: Pick<DocumentChannels, "inboxChanged" | "isOpen" | "size">;
  readonly clock: Clock;
  readonly background: (task: Promise<unknown>) => void;
}): InboxHints => {
  const { access, channels, clock, background } = deps;
  const hintedAtByLog = new Map<LogId, number>();
  const due = new Set<LogId>();

  const notifyMembers = async (id: LogId): Promise<void> => {
    try {
      const userIds: readonly UserId[] = await access.readers(id);
      for (const userId of userIds) channels.inboxChanged(userId);
    } catch (error) {
      // Retry later, like a hint that came too early.
      hintedAtByLog.set(id, clock.monotonicNow());
      due.add(id);
      throw error;
    }
  };

  const logChanged = (id: LogId): void => {
    if (channels.size === 0) return;
    const now = clock.monotonicNow();
    if (now - (hintedAtByLog.get(id) ?? Number.NEGATIVE_INFINITY) < INTERVAL_MS) return void due.add(id);
    hintedAtByLog.set(id, now);
    background(notifyMembers(id));
  };

  return {
    logChanged,
    tick: () => {
      const now = clock.monotonicNow();
      for (const [id, hintedAt] of hintedAtByLog) {
        if (now - hintedAt < INTERVAL_MS) continue;
        hintedAtByLog.delete(id);
        if (due.delete(id)) logChanged(id);
      }
    },
  };
};
