import type { Clock } from "./clock.ts";
import type { RandomBytes } from "./ids.ts";
import { backoffMs } from "./backoff.ts";

/** A retry delay that grows with each consecutive failure. */
export interface BackoffTimer {
  readonly failures: number;
  readonly isWaiting: boolean;
  /**
   * Counts a failure and starts to wait, for at least `atLeastMs`. Ignored while waiting: the failed attempt began before the
   * wait and adds no information.
   */
  fail(atLeastMs?: number): void;
  /** Ends the wait and forgets all failures after a success or a change of circumstances. Does not call `onOver`. */
  reset(): void;
  /** Resets the timer, unless `fail` was called with a minimum. */
  hurry(): void;
}

export const createBackoffTimer = (deps: {
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly onOver: () => void;
}): BackoffTimer => {
  let failures = 0;
  let cancel: (() => void) | undefined;
  let hasMinimum = false;
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
      hasMinimum = atLeastMs > 0;
      cancel = deps.clock.after(backoffMs(failures, { randomBytes: deps.randomBytes, atLeastMs }), () => {
        cancel = undefined;
        deps.onOver();
      });
    },
    reset,
    hurry: () => {
      if (!hasMinimum) reset();
    },
  };
};
