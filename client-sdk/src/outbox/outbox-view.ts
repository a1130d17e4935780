import type { CommandId } from "@edvoyage/protocol";
import { derive, watchValue, type Unsubscribe } from "../runtime/observable.ts";
import type { CurrentStudent } from "../students/current-student.ts";
import { isBackground } from "./command-kinds.ts";
import type { OutboxEntry } from "./outbox-entry.ts";

/** The outbox as an app sees it. */
export interface OutboxView {
  /** Returns pending and failed commands in the order in which they were written; the same array while nothing changes. */
  list(): readonly OutboxEntry[];
  /** Calls the listener with the list after each change, but not immediately. */
  onChange(listener: (entries: readonly OutboxEntry[]) => void): Unsubscribe;
  /**
   * Resolves with the server's answer to a write, from any tab and after a restart, or rejects with the reason, as `settled` of
   * the write does. Throws `not-found` for an id that this device does not know, or that ended more than 500 writes ago.
   */
  settled(id: string): Promise<unknown>;
  /** Sends a failed command again. Throws `not-found`. */
  retry(id: string): Promise<void>;
  /** Deletes a command permanently. Throws `not-found`, and `conflict` while it is being sent. */
  discard(id: string): Promise<void>;
}

/** Creates the app's view of the current student's outbox. It shows neither acknowledged commands nor those that the app
 * sends by itself. */
export const createOutboxView = ({
  entries,
  settled,
  retry,
  discard,
}: Pick<CurrentStudent, "entries" | "settled" | "retry" | "discard">): OutboxView => {
  const visible = derive([entries], () =>
    entries.value.filter((entry) => entry.state !== "acked" && !isBackground(entry)),
  );
  return {
    list: () => visible.value,
    onChange: (listener) => watchValue(visible, listener),
    settled: (id) => settled(toCommandId(id)),
    retry: (id) => retry(toCommandId(id)),
    discard: (id) => discard(toCommandId(id)),
  };
};

const toCommandId = (id: string): CommandId => id as CommandId;
