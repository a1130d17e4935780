import type { Clock } from "@edvoyage/server/app";

/** A span of time. */
export interface Span {
  readonly days?: number;
  readonly hours?: number;
  readonly minutes?: number;
  readonly seconds?: number;
  readonly ms?: number;
}

/** A clock that moves only when told to. */
export interface FakeClock extends Clock {
  /** Moves time forward and runs the timers that are due by then. */
  advance(span: Span): void;
  /** Sets the clock forward, or back by a negative span. No time passes. */
  set(span: Span): void;
}

/** 1 September 2026, 08:00 UTC. */
const START = Date.UTC(2026, 8, 1, 8);

/** Creates a fake clock. `ahead`: how far it is ahead of the other fake clocks. */
export const createFakeClock = (ahead: Span = {}): FakeClock => {
  let now = START + spanToMs(ahead);
  let offsetMs = 0;
  const timers = new Set<{ readonly intervalMs: number; readonly task: () => void; dueAt: number }>();
  return {
    now: () => now + offsetMs,
    monotonicNow: () => now,
    every: (intervalMs, task) => {
      const timer = { intervalMs, task, dueAt: now + intervalMs };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    set: (span) => {
      offsetMs += spanToMs(span);
    },
    advance: (span) => {
      now += spanToMs(span);
      // Each timer runs once, however long the span: a late real timer does not catch up on the intervals it missed.
      for (const timer of timers) {
        if (timer.dueAt > now) continue;
        timer.dueAt = now + timer.intervalMs;
        timer.task();
      }
    },
  };
};

export const spanToMs = ({ days = 0, hours = 0, minutes = 0, seconds = 0, ms = 0 }: Span): number =>
  (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 + ms;
