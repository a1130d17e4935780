import { EdVoyageError, toEdVoyageError } from "../runtime/errors.ts";
import { createSubject, type Observable } from "../runtime/observable.ts";

/** The opening and the closing of a client. */
export interface Lifecycle<Opened> {
  /** Everything that `ready` has opened; `undefined` before that and after `close`. */
  readonly opened: Observable<Opened | undefined>;
  /** Returns the value of `opened`. Throws `closed` while there is none. */
  require(): Opened;
  /** Opens the client once. After a failure it may be called again. Throws `device/failed`, `closed`. */
  ready(): Promise<void>;
  /**
   * Observes until the client closes. The values are empty afterwards, but not because the student signed out or everything
   * was sent.
   */
  whileOpen<Value>(observable: Observable<Value>): Observable<Value>;
  /** Closes everything that was opened, also what is still being opened. */
  close(): Promise<void>;
}

/** Creates the lifecycle of a client. The signal that `open` receives is aborted when the client closes. */
export const createLifecycle = <Opened extends { close(): Promise<void> }>(
  open: (closed: AbortSignal) => Promise<Opened>,
): Lifecycle<Opened> => {
  const closing = new AbortController();
  const { signal } = closing;
  const opened = createSubject<Opened | undefined>(undefined);
  let opening: Promise<void> | undefined;
  const createClosedError = () =>
    new EdVoyageError("closed", signal.aborted ? "This client is closed." : "Wait for ready() first.");

  return {
    opened,
    require: () => {
      if (opened.value) return opened.value;
      throw createClosedError();
    },
    ready: () => {
      if (signal.aborted) return Promise.reject(createClosedError());
      opening ??= open(signal).then(opened.set, (error: unknown) => {
        opening = undefined;
        throw toEdVoyageError(error);
      });
      return opening;
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
