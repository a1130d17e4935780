import { createHash } from "node:crypto";
import { v7 } from "uuid";

/** Makes the ids of one seeded world: UUIDv7 of an instant, whose other bits are a hash of what it is the id of. */
export type SeedId = <Kind extends string>(at: number, ...name: readonly (string | number)[]) => Kind;

/** The same ids for the same seed, instants and names. */
export const createSeedId =
  (seed: number): SeedId =>
  <Kind extends string>(at: number, ...name: readonly (string | number)[]) => {
    const hash = createHash("sha256")
      .update(JSON.stringify([seed, ...name]))
      .digest();
    return v7({ msecs: at, seq: hash.readUInt32LE(16) >>> 1, random: hash.subarray(0, 16) }) as Kind;
  };
