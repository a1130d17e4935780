import type { CommandId } from "@edvoyage/protocol";
import { derive, watchValue, type Unsubscribe } from "../runtime/observable.ts";
import type { CurrentStudent } from "../students/current-student.ts";
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

/** Creates the app's view of the current student's outbox. It does not show acknowledged commands. */
export const createOutboxView = ({
  entries,
  retry,
  discard,
}: Pick<CurrentStudent, "entries" | "retry" | "discard">): OutboxView => {
  const visible = derive([entries], () => entries.value.filter(({ state }) => state !== "acked"));
  return {
    list: () => visible.value,
    onChange: (listener) => watchValue(visible, listener),
    retry: (id) => retry(toCommandId(id)),
    discard: (id) => discard(toCommandId(id)),
  };
};

const toCommandId = (id: string): CommandId => id as CommandId;
