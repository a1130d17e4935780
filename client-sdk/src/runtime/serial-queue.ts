import type { Peers } from "../storage/storage.ts";

/** Runs a task when those that were asked for before it have ended, well or not. */
export type RunSerially = <T>(task: () => Promise<T>) => Promise<T>;

/** Makes a queue of its own: one task at a time, in the order in which they are asked for. */
export const createSerialQueue = (): RunSerially => {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => {});
    return result;
  };
};

/** Runs tasks that no other program which shares the stores may run at the same time, under a name. */
export const createCrossTabLock =
  (peers: Peers | undefined, name: string): RunSerially =>
  async (task) => {
    let giveBack = (): void => {};
    if (peers) await new Promise<void>((taken) => (giveBack = peers.acquire(name, () => taken())));
    try {
      return await task();
    } finally {
      giveBack();
    }
  };
