import type { Clock } from "../runtime/clock.ts";
import { createSubject, type Observable, type Unsubscribe } from "../runtime/observable.ts";
import type { Transport } from "./transport.ts";

/** Counts the subscriptions to several values. */
export interface WatchCount {
  /** The number of subscriptions now. */
  readonly count: Observable<number>;
  /** Returns the same value with its subscriptions counted. */
  counted<Value>(watched: Observable<Value>): Observable<Value>;
}

/** How often a device without sockets asks for news, while something is watched. */
const POLL_EVERY_MS = 15_000;

/** Creates the count, at 0. */
export const createWatchCount = (): WatchCount => {
  const count = createSubject(0);
  return {
    count,
    counted: (watched) => ({
      get value() {
        return watched.value;
      },
      subscribe: (listener) => {
        const unsubscribe = watched.subscribe(listener);
        count.set(count.value + 1);
        let isOver = false;
        return () => {
          if (!isOver) count.set(count.value - 1);
          isOver = true;
          unsubscribe();
        };
      },
    }),
  };
};

/** Polls while HTTP is the transport and something is watched: at once, then every 15 seconds. Returns a function that stops. */
export const startPolling = ({
  clock,
  transport,
  watching,
  poll,
}: {
  readonly clock: Clock;
  readonly transport: Observable<Transport>;
  /** The number of watchers. */
  readonly watching: Observable<number>;
  /** Never throws. */
  readonly poll: () => Promise<unknown>;
}): Unsubscribe => {
  let cancel: (() => void) | undefined;
  const stop = (): void => {
    cancel?.();
    cancel = undefined;
  };
  const run = (): void => {
    cancel = clock.after(POLL_EVERY_MS, run);
    void poll();
  };
  const update = (): void => {
    const isDue = transport.value === "http" && watching.value > 0;
    if (!isDue) stop();
    else if (!cancel) run();
  };
  const unsubscribes = [transport.subscribe(update), watching.subscribe(update)];
  return () => {
    for (const unsubscribe of unsubscribes) unsubscribe();
    stop();
  };
};
