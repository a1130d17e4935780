/** Runs tasks with the same key one after the other, in the order of their calls. */
export interface KeyedQueue<Key> {
  run<T>(key: Key, task: () => Promise<T>): Promise<T>;
  /** Resolves when all tasks so far have ended. */
  settle(): Promise<void>;
}

export const createKeyedQueue = <Key>(): KeyedQueue<Key> => {
  const lastByKey = new Map<Key, Promise<void>>();
  return {
    run: (key, task) => {
      const result = (lastByKey.get(key) ?? Promise.resolve()).then(task);
      const ended = result.then(
        () => {},
        () => {},
      );
      lastByKey.set(key, ended);
      void ended.then(() => {
        if (lastByKey.get(key) === ended) lastByKey.delete(key);
      });
      return result;
    },
    settle: async () => {
      await Promise.all(lastByKey.values());
    },
  };
};
