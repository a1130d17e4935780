import type { Clock } from "@edvoyage/client-sdk";
import { spanToMs, type Span } from "./fake-clock.ts";

/** A device's clock that moves only when told to. */
export interface SdkClock extends Clock {
  /** Moves time forward and runs the timers that become due, in order. */
  advance(span: Span): void;
  /** Sets the clock forward or back, without time passing: no timer runs. */
  jump(span: Span): void;
}

interface Timer {
  readonly dueAt: number;
  readonly task: () => void;
}

/** Creates a clock. `now` defaults to the start of the world's clock: 1 September 2026, 08:00 UTC. */
export const createSdkClock = (now = Date.UTC(2026, 8, 1, 8)): SdkClock => {
  let elapsed = 0;
  let offset = now;
  const timers = new Set<Timer>();
  return {
    now: () => offset + elapsed,
    after: (delayMs, task) => {
      const timer = { dueAt: elapsed + delayMs, task };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance: (span) => {
      const until = elapsed + spanToMs(span);
      for (;;) {
        const due = [...timers].filter(({ dueAt }) => dueAt <= until).sort((a, b) => a.dueAt - b.dueAt)[0];
        if (!due) break;
        timers.delete(due);
        elapsed = Math.max(elapsed, due.dueAt);
        due.task();
      }
      elapsed = until;
    },
    jump: (span) => {
      offset += spanToMs(span);
    },
  };
};
