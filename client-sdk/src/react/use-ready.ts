import { useCallback, useSyncExternalStore } from "react";
import { useClient } from "./provider.tsx";

const RETRY_MS = 2_000;

/** Returns whether the device has been read. Before that, show neither a sign-in nor an empty list. Retries after a failure. */
export const useReady = (): boolean => {
  const client = useClient();
  const subscribe = useCallback(
    (listener: () => void) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      let isUnsubscribed = false;
      const ask = (): void => {
        client.ready().then(listener, () => {
          // The provider has already reported the error. Retry: a device that cannot read now may be able to read soon.
          if (!isUnsubscribed) timer = setTimeout(ask, RETRY_MS);
        });
      };
      ask();
      return () => {
        isUnsubscribed = true;
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
