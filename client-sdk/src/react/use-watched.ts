import { useMemo, useSyncExternalStore } from "react";
import type { Unsubscribe } from "../runtime/observable.ts";

/** Watches a source that calls back with its value, immediately or later. Returns `initial` until then, and on the server. */
export const useWatched = <Value>(
  watch: (listener: (value: Value) => void) => Unsubscribe,
  { initial, dependencies }: { readonly initial: Value; readonly dependencies: readonly unknown[] },
): Value => {
  const store = useMemo(
    () => createWatchStore(watch, initial),
    // The inputs of `watch`. `watch` itself is a new function at each rendering.
    dependencies,
  );
  return useSyncExternalStore(store.subscribe, store.get, () => initial);
};

const createWatchStore = <Value>(
  watch: (listener: (value: Value) => void) => Unsubscribe,
  initial: Value,
) => {
  let last = initial;
  return {
    get: () => last,
    subscribe: (listener: () => void) =>
      watch((value) => {
        last = value;
        listener();
      }),
  };
};
