import type { Unsubscribe } from "../runtime/observable.ts";
import type { OutboxEntry } from "./outbox-entry.ts";

/** The outbox as an app sees it. */
export interface OutboxView {
  /** Returns pending and failed commands in the order in which they were written; the same array while nothing changes. */
  list(): readonly OutboxEntry[];
  /** Calls the listener with the list after each change, but not immediately. */
  onChange(listener: (entries: readonly OutboxEntry[]) => void): Unsubscribe;
  /** Sends a failed command again. Throws `not-found`. */
  retry(id: string): Promise<void>;
  /** Deletes a command permanently. Throws `not-found`, and `conflict` while it is being sent. */
  discard(id: string): Promise<void>;
}
