import { useCallback, useSyncExternalStore } from "react";
import { useClient } from "./provider.tsx";

/** Whether the device has been read: before that, show neither a sign-in nor an empty list. */
export const useReady = (): boolean => {
  const client = useClient();
  const subscribe = useCallback(
    (listener: () => void) => {
      // Its failure is the provider's to report.
      client.ready().then(listener, () => {});
      return () => {};
    },
    [client],
  );
  return useSyncExternalStore(
    subscribe,
    () => client.isReady,
    () => false,
  );
};
