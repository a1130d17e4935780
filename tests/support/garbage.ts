import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { onTestFinished } from "vitest";

const INTERVAL_MS = 10;

/** Collects garbage repeatedly until the test ends, so that objects with only weak references are collected. */
export const collectGarbage = (): void => {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect !== "function") throw new Error("Garbage cannot be collected on demand");
  const timer = setInterval(() => collect(), INTERVAL_MS);
  onTestFinished(() => clearInterval(timer));
};
