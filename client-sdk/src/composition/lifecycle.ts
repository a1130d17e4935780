import type { Clock } from "../runtime/clock.ts";
import { EdVoyageError, toEdVoyageError } from "../runtime/errors.ts";
import { createSubject, type Observable } from "../runtime/observable.ts";

/** The opening and the closing of a client. */
export interface Lifecycle<Opened> {
  /** Everything that `ready` has opened; `undefined` before that and after `close`. */
  readonly opened: Observable<Opened | undefined>;
  /** Returns the value of `opened`. Throws `closed` while there is none. */
  require(): Opened;
  /**
   * Opens the client once. After a failure it may be called again. Throws `device/unavailable`, `device/newer-data`,
   * `device/failed`, `closed`.
   */
  ready(): Promise<void>;
  /** Closes everything and opens it again, in the background, until that succeeds. Until then everything stays closed. */
  reopen(): void;
  /**
   * Observes until the client closes. The values are empty afterwards, but not because the student signed out or everything
   * was sent.
   */
  whileOpen<Value>(observable: Observable<Value>): Observable<Value>;
  /** Closes everything that was opened, also what is still being opened. */
  close(): Promise<void>;
}

/** How long to wait after an attempt to open the client again has failed. */
const REOPEN_MS = 2_000;

/** Creates the lifecycle of a client. The signal that `open` receives is aborted when the client closes. */
export const createLifecycle = <Opened extends { close(): Promise<void> }>(
  open: (closed: AbortSignal) => Promise<Opened>,
  clock: Clock,
): Lifecycle<Opened> => {
  const closing = new AbortController();
  const { signal } = closing;
  const opened = createSubject<Opened | undefined>(undefined);
  let opening: Promise<void> | undefined;
  const createClosedError = () =>
    new EdVoyageError("closed", signal.aborted ? "This client is closed." : "Wait for ready() first.");

  /** Opens, and once more if something else has deleted the stores meanwhile. */
  const openOnce = (): Promise<Opened> =>
    open(signal).catch((error: unknown) => {
      if (signal.aborted || toEdVoyageError(error).reason !== "closed") throw error;
      return open(signal);
    });

  const openAgain = async (): Promise<void> => {
    if (signal.aborted) return;
    await open(signal).then(opened.set, () => {
      const cancel = clock.after(REOPEN_MS, () => {
        signal.removeEventListener("abort", cancel);
        opening = openAgain();
      });
      signal.addEventListener("abort", cancel);
    });
  };

  return {
    opened,
    require: () => {
      if (opened.value) return opened.value;
      throw createClosedError();
    },
    ready: () => {
      if (signal.aborted) return Promise.reject(createClosedError());
      opening ??= openOnce().then(opened.set, (error: unknown) => {
        opening = undefined;
        throw toEdVoyageError(error);
      });
      return opening;
    },
    reopen: () => {
      // The last writes of what is open fail, and nobody needs them any more.
      opening = opened.value
        ?.close()
        .catch(() => {})
        .then(openAgain);
    },
    whileOpen: (observable) => ({
      get value() {
        return observable.value;
      },
      subscribe: (listener) =>
        observable.subscribe(() => {
          if (!signal.aborted) listener();
        }),
    }),
    close: async () => {
      closing.abort();
      await opening?.catch(() => {});
      const toClose = opened.value;
      opened.set(undefined);
      await toClose?.close();
    },
  };
};
