// Import this first: it replaces the clock before other modules read it.
import "./virtual-time.ts";
import { expect, test } from "vitest";
import { FINE_FAULTS } from "./fine-faults.ts";
import { runHistory } from "./history.ts";
import { isWholeRun } from "../support/scale.ts";

/** A fine fault must be found within this many histories. */
const WITHIN_HISTORIES = 60;

// Only in `npm run check`: a fine fault takes many histories, and the coarse ones prove in `npm test` that faults are found.
test.runIf(isWholeRun()).each(Object.entries(FINE_FAULTS))("finds %s", async (_name, fault) => {
  const found: string[] = [];
  for (let seed = 1; seed <= WITHIN_HISTORIES && found.length === 0; seed += 1) {
    found.push(...(await runHistory(seed, fault)).violations);
  }

  expect(found).not.toEqual([]);
});
