import type { Clock as ServerClock } from "@edvoyage/server/app";

// Import this module before any other: lib0, and with it y-websocket, copies `Date.now` when it is loaded.

/** Time that passes only when told to, for all code in this process that reads a clock or sets a timer. */
export interface VirtualTime {
  /** Epoch milliseconds. */
  now(): number;
  /** Runs a task once after a delay. Returns a function that cancels it. */
  after(delayMs: number, task: () => void): () => void;
  /**
   * The server's clock. Its intervals are at least a second long and may be a second late, because most of them do
   * nothing.
   */
  readonly serverClock: ServerClock;
  /** Sets the server's clock forward or back. Its intervals go on as before. */
  moveServerClock(ms: number): void;
  /** Lets this much time pass. Due timers run in order, each after everything that the last one started has settled. */
  advance(ms: number): Promise<void>;
  /** Lets time pass until a promise settles, and returns its value. Throws if that takes longer than `withinMs`. */
  until<T>(promise: Promise<T>, options: { readonly withinMs: number }): Promise<T>;
  /** Restores the real clock and timers of the process. Pending timers never run. */
  close(): void;
}

/** 1 September 2026, 08:00 UTC. */
const START = Date.UTC(2026, 8, 1, 8);
/** How late an interval of the server may be, and its shortest length, in milliseconds. */
const MIN_INTERVAL_MS = 1_000;

const real = {
  now: Date.now,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  clearImmediate: globalThis.clearImmediate,
};

let virtualNow: (() => number) | undefined;
Date.now = () => (virtualNow ? virtualNow() : real.now());

/**
 * Replaces the clock, timers and immediates of the process. Time starts `afterMs` after a fixed moment. Only one can run
 * at a time.
 */
export const startVirtualTime = ({ afterMs = 0 } = {}): VirtualTime => {
  if (virtualNow) throw new Error("Virtual time already runs");
  let now = START + afterMs;
  let serverOffset = 0;
  let sequence = 0;
  let immediates = 0;
  const queue = createQueue();
  const serverIntervals = new Set<ServerInterval>();

  const schedule = (delayMs: number, timer: VirtualTimer): void => {
    // A platform's clock and timers count whole milliseconds.
    timer.dueAt = now + Math.max(1, Math.ceil(delayMs));
    timer.sequence = sequence += 1;
    queue.push(timer);
  };
  const set = (task: () => void, delayMs: number, intervalMs?: number): VirtualTimer => {
    const timer = new VirtualTimer(task, intervalMs);
    schedule(delayMs, timer);
    return timer;
  };
  const clear = (timer: unknown): void => {
    if (timer instanceof VirtualTimer) timer.isCleared = true;
  };

  virtualNow = () => now;
  Object.assign(globalThis, {
    setTimeout: (task: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]) =>
      set(() => task(...args), delayMs),
    setInterval: (task: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]) =>
      set(() => task(...args), delayMs, Math.max(1, delayMs)),
    clearTimeout: clear,
    clearInterval: clear,
    setImmediate: (task: (...args: unknown[]) => void, ...args: unknown[]) => {
      immediates += 1;
      return real.setImmediate(() => {
        immediates -= 1;
        task(...args);
      });
    },
    clearImmediate: () => {
      throw new Error("clearImmediate is not supported: the immediate would count as pending forever");
    },
  });

  /** Waits for one turn of the event loop: all pending microtasks and ticks have run by then. */
  const turn = (): Promise<void> => new Promise((resolve) => void real.setImmediate(resolve));
  /**
   * Waits until no immediate is pending. Nothing here waits for a disk, a thread or a port, so all work continues by
   * immediates.
   */
  const settle = async (): Promise<void> => {
    do await turn();
    while (immediates > 0);
  };

  /** Returns the next time at which something runs. */
  const nextMoment = (): number => {
    let moment = queue.peek()?.dueAt ?? Number.POSITIVE_INFINITY;
    for (const { dueAt } of serverIntervals) moment = Math.min(moment, dueAt + MIN_INTERVAL_MS);
    return moment;
  };

  const runMoment = async (moment: number): Promise<void> => {
    now = Math.max(now, moment);
    for (const interval of serverIntervals) {
      if (interval.dueAt > now) continue;
      interval.dueAt = now + Math.max(interval.intervalMs, MIN_INTERVAL_MS);
      interval.task();
    }
    const timer = queue.peek();
    if (timer && timer.dueAt <= now) {
      queue.pop();
      if (timer.intervalMs !== undefined) schedule(timer.intervalMs, timer);
      timer.task();
    }
    await settle();
  };

  return {
    now: () => now,
    after: (delayMs, task) => {
      const timer = set(task, delayMs);
      return () => clear(timer);
    },
    moveServerClock: (ms) => {
      serverOffset += ms;
    },
    serverClock: {
      now: () => now + serverOffset,
      monotonicNow: () => now,
      every: (intervalMs, task) => {
        const interval: ServerInterval = { intervalMs, task, dueAt: now + intervalMs };
        serverIntervals.add(interval);
        return () => void serverIntervals.delete(interval);
      },
    },
    advance: async (ms) => {
      const end = now + ms;
      await settle();
      for (let moment = nextMoment(); moment <= end; moment = nextMoment()) await runMoment(moment);
      now = end;
    },
    until: async (promise, { withinMs }) => {
      const end = now + withinMs;
      let isSettled = false;
      const note = () => void (isSettled = true);
      promise.then(note, note);
      await settle();
      while (!isSettled) {
        const moment = nextMoment();
        if (moment > end) throw new Error(`This took longer than ${withinMs} ms`);
        await runMoment(moment);
      }
      return promise;
    },
    close: () => {
      queue.clear();
      serverIntervals.clear();
      virtualNow = undefined;
      const { now: _now, ...globals } = real;
      Object.assign(globalThis, globals);
    },
  };
};

interface ServerInterval {
  readonly intervalMs: number;
  readonly task: () => void;
  dueAt: number;
}

/** The return value of `setTimeout`: implements what its users here need of Node's. */
class VirtualTimer {
  readonly task: () => void;
  readonly intervalMs: number | undefined;
  dueAt = 0;
  sequence = 0;
  isCleared = false;

  constructor(task: () => void, intervalMs: number | undefined) {
    this.task = task;
    this.intervalMs = intervalMs;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return false;
  }
}

const isBefore = (one: VirtualTimer, other: VirtualTimer): boolean =>
  one.dueAt === other.dueAt ? one.sequence < other.sequence : one.dueAt < other.dueAt;

/** Creates a binary heap of timers with the next one first. */
const createQueue = () => {
  const heap: VirtualTimer[] = [];

  const pop = (): VirtualTimer | undefined => {
    const [first] = heap;
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      const isRight = left !== undefined && right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (!child || isBefore(last, child)) break;
      heap[index] = child;
      index = 2 * index + (isRight ? 2 : 1);
    }
    heap[index] = last;
    return first;
  };

  return {
    push: (timer: VirtualTimer): void => {
      let index = heap.length;
      heap.push(timer);
      while (index > 0) {
        const above = (index - 1) >> 1;
        const parent = heap[above];
        if (!parent || isBefore(parent, timer)) break;
        heap[index] = parent;
        index = above;
      }
      heap[index] = timer;
    },
    pop,
    clear: () => {
      heap.length = 0;
    },
    /** Returns the next timer that was not cleared. */
    peek: (): VirtualTimer | undefined => {
      while (heap[0]?.isCleared) pop();
      return heap[0];
    },
  };
};
