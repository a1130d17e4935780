import { useMemo, useSyncExternalStore } from "react";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { OutboxView } from "../outbox/outbox-view.ts";
import { useClient } from "./provider.tsx";

/** Pending and failed commands, and the methods for failed ones. */
export interface UseOutbox extends Pick<OutboxView, "retry" | "discard"> {
  readonly entries: readonly OutboxEntry[];
}

/** Returns the commands that wait or have failed, in the order in which they were written. */
export const useOutbox = (): UseOutbox => {
  const { outbox } = useClient();
  const entries = useSyncExternalStore(outbox.onChange, outbox.list, () => NONE);
  return useMemo(() => ({ entries, retry: outbox.retry, discard: outbox.discard }), [outbox, entries]);
};

const NONE: readonly OutboxEntry[] = [];
