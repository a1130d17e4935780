import { createHash } from "node:crypto";
import { v7 } from "uuid";

/** Creates an id of a seeded world: a UUIDv7 with the given instant, whose other bits are a hash of the name. */
export type SeedId = <Kind extends string>(at: number, ...name: readonly (string | number)[]) => Kind;

/** Returns a function that creates the same id for the same seed, instant and name. */
export const createSeedId =
  (seed: number): SeedId =>
  <Kind extends string>(at: number, ...name: readonly (string | number)[]) => {
    const hash = createHash("sha256")
      .update(JSON.stringify([seed, ...name]))
      .digest();
    return v7({ msecs: at, seq: hash.readUInt32LE(16) >>> 1, random: hash.subarray(0, 16) }) as Kind;
  };
