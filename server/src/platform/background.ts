import type { Logger } from "./logger.ts";

/** Tasks that no reply waits for. */
export interface Background {
  /** Runs a task. Its failure is a bug, which is logged. */
  readonly background: (task: Promise<unknown>) => void;
  /** Waits for the tasks that run now, so that a shutdown loses none. */
  settle(): Promise<void>;
}

export const createBackground = (log: Logger): Background => {
  const running = new Set<Promise<unknown>>();
  return {
    background: (task) => {
      const tracked = task
        .catch((error: unknown) => log.error({ error }, "A background task failed"))
        .finally(() => running.delete(tracked));
      running.add(tracked);
    },
    settle: async () => {
      await Promise.all(running);
    },
  };
};
