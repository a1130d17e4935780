import type { Unsubscribe } from "../runtime/observable.ts";
import type { OutboxEntry } from "./outbox-entry.ts";

/** What an app sees of the outbox. */
export interface OutboxView {
  /** What waits and what failed, in the order in which it was written; the same array while nothing changes. */
  list(): readonly OutboxEntry[];
  /** Calls with the list after each change, not at once. */
  onChange(listener: (entries: readonly OutboxEntry[]) => void): Unsubscribe;
  /** Sends a failed command again. Throws `not-found`. */
  retry(id: string): Promise<void>;
  /** Drops a command for good. Throws `not-found`, and `conflict` while it is on its way. */
  discard(id: string): Promise<void>;
}
