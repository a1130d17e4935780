/** A source of time; tests pass one that they can move. */
export interface Clock {
  /** Epoch milliseconds. May jump, because users can set a device's clock. */
  now(): number;
  /** Runs a task once after a delay in milliseconds; returns a function that cancels it. Does not depend on `now`. */
  after(delayMs: number, task: () => void): () => void;
}

/** The device's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};
