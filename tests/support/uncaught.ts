import { onTestFinished } from "vitest";

const EVENTS = ["uncaughtException", "unhandledRejection"] as const;

/** Collects uncaught errors and rejections while the test runs, instead of failing the test. */
export const collectUncaught = (): readonly unknown[] => {
  const collected: unknown[] = [];
  const collect = (error: unknown): void => void collected.push(error);
  for (const event of EVENTS) {
    const before = process.listeners(event as "uncaughtException");
    process.removeAllListeners(event);
    process.on(event, collect);
    onTestFinished(() => {
      process.off(event, collect);
      for (const listener of before) process.on(event, listener);
    });
  }
  return collected;
};
