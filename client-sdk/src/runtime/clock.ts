/** Time, handed in so that tests can move it. */
export interface Clock {
  /** Epoch milliseconds. May jump: an app's owner sets it as she likes. */
  now(): number;
  /** Runs a task once, after so many milliseconds; returns how to call it off. Does not depend on `now`. */
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
