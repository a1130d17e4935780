import { useCallback, useSyncExternalStore } from "react";

/** Returns the whole seconds, rounded up, until an instant such as `blockedUntil`; 0 afterwards or without one. Updates by itself. */
export const useSecondsUntil = (at: number | undefined): number => {
  const secondsLeft = (): number =>
    at === undefined ? 0 : Math.max(0, Math.ceil((at - Date.now()) / 1_000));
  const subscribe = useCallback(
    (listener: () => void) => {
      if (at === undefined) return () => {};
      const timer = setInterval(listener, 250);
      return () => clearInterval(timer);
    },
    [at],
  );
  return useSyncExternalStore(subscribe, secondsLeft, () => 0);
};
