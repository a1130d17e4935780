import type { Peers } from "../storage/storage.ts";

/** Runs a task after all earlier tasks have ended, whether or not they succeeded. */
export type RunSerially = <T>(task: () => Promise<T>) => Promise<T>;

/** Creates an independent queue: it runs one task at a time, in the order of the calls. */
export const createSerialQueue = (): RunSerially => {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => {});
    return result;
  };
};

/** Creates a named lock for tasks that no other program on the same stores may run at the same time. */
export const createCrossTabLock =
  (peers: Peers | undefined, name: string): RunSerially =>
  async (task) => {
    let release = (): void => {};
    if (peers) await new Promise<void>((taken) => (release = peers.acquire(name, () => taken())));
    try {
      return await task();
    } finally {
      release();
    }
  };
