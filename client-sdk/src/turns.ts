/** Runs a task when those that were asked for before it have ended, well or not. */
export type InTurn = <T>(task: () => Promise<T>) => Promise<T>;

/** Makes a queue of its own: one task at a time, in the order in which they are asked for. */
export const createTurns = (): InTurn => {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => {});
    return result;
  };
};
