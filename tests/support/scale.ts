import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** Whether this is a run of `npm run check`. */
    isWholeRun: boolean;
  }
}

/** Returns whether this is a run of `npm run check`, which makes all rounds of all tests. */
export const isWholeRun = (): boolean => inject("isWholeRun");

/** Chooses how many rounds a long test makes: few in `npm test`, all in `npm run check`. */
export const roundsOf = ({ quick, whole }: { readonly quick: number; readonly whole: number }): number =>
  isWholeRun() ? whole : quick;
