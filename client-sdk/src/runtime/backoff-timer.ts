import type { Clock } from "./clock.ts";
import type { RandomBytes } from "./ids.ts";
import { backoffMs } from "./backoff.ts";

/** A wait that grows with each failure in a row. */
export interface BackoffTimer {
  readonly failures: number;
  readonly isWaiting: boolean;
  /**
   * Counts a failure and begins to wait, at least so many milliseconds; what fails while it waits was begun before and
   * says nothing new.
   */
  fail(atLeastMs?: number): void;
  /** It went well, or there is new hope: ends the wait, without calling `onOver`. */
  reset(): void;
  /** There may be new hope: the same, unless the wait is one that was asked for. */
  hurry(): void;
}

export const createBackoffTimer = (deps: {
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly onOver: () => void;
}): BackoffTimer => {
  let failures = 0;
  let cancel: (() => void) | undefined;
  let isAskedFor = false;
  const reset = (): void => {
    failures = 0;
    cancel?.();
    cancel = undefined;
  };
  return {
    get failures() {
      return failures;
    },
    get isWaiting() {
      return cancel !== undefined;
    },
    fail: (atLeastMs = 0) => {
      if (cancel) return;
      failures += 1;
      isAskedFor = atLeastMs > 0;
      cancel = deps.clock.after(backoffMs(failures, { randomBytes: deps.randomBytes, atLeastMs }), () => {
        cancel = undefined;
        deps.onOver();
      });
    },
    reset,
    hurry: () => {
      if (!isAskedFor) reset();
    },
  };
};
