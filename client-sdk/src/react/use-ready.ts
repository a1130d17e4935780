import { useCallback, useRef, useSyncExternalStore } from "react";
import { isEdVoyageError, type EdVoyageError } from "../runtime/errors.ts";
import { useClient } from "./provider.tsx";

const RETRY_MS = 2_000;

/**
 * Returns whether the device has been read. Before that, show neither a sign-in nor an empty list, but say why it takes so long:
 * see `useReadyError`. Retries after a failure.
 */
export const useReady = (): boolean => {
  const client = useClient();
  return useSyncExternalStore(
    useRetries(() => {}),
    () => client.isReady,
    () => false,
  );
};

/**
 * Returns why the device could not be read at the last attempt, such as `device/unavailable` in a browser that blocks its storage,
 * or `device/newer-data` in an app that was rolled back; `undefined` when it was read, and before the first attempt has ended.
 */
export const useReadyError = (): EdVoyageError | undefined => {
  const error = useRef<EdVoyageError>(undefined);
  return useSyncExternalStore(
    useRetries((next) => (error.current = next)),
    () => error.current,
    () => undefined,
  );
};

/** Calls `ready()` until it succeeds. `onAttempt` hears how each attempt has ended, before the component renders again. */
const useRetries = (
  onAttempt: (error: EdVoyageError | undefined) => void,
): ((listener: () => void) => () => void) => {
  const client = useClient();
  const latest = useRef(onAttempt);
  return useCallback(
    (listener: () => void) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      let isUnsubscribed = false;
      const note = (error?: EdVoyageError): void => {
        latest.current(error);
        listener();
      };
      const ask = (): void => {
        client.ready().then(
          () => note(),
          (error: unknown) => {
            if (isUnsubscribed) return;
            note(isEdVoyageError(error) ? error : undefined);
            // A device that cannot be read now may be readable soon.
            timer = setTimeout(ask, RETRY_MS);
          },
        );
      };
      ask();
      return () => {
        isUnsubscribed = true;
        clearTimeout(timer);
      };
    },
    [client],
  );
};
