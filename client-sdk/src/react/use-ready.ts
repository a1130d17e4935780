import { useCallback, useSyncExternalStore } from "react";
import { useClient } from "./provider.tsx";

const AGAIN_MS = 2_000;

/** Whether the device has been read: before that, show neither a sign-in nor an empty list. Tries again when it failed. */
export const useReady = (): boolean => {
  const client = useClient();
  const subscribe = useCallback(
    (listener: () => void) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      let isOver = false;
      const ask = (): void => {
        client.ready().then(listener, () => {
          // The provider has reported it. A device that could not read for a moment can a moment later.
          if (!isOver) timer = setTimeout(ask, AGAIN_MS);
        });
      };
      ask();
      return () => {
        isOver = true;
        clearTimeout(timer);
      };
    },
    [client],
  );
  return useSyncExternalStore(
    subscribe,
    () => client.isReady,
    () => false,
  );
};
