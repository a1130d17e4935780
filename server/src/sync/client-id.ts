import type { Random } from "../platform/crypto.ts";

/**
 * Draws a random Yjs client id, 1 to 2^32 - 1, that is not taken. Random, never derived: an id that is used again after a
 * restore makes copies that differ although their state vectors are equal, and nothing repairs that.
 */
export const drawClientId = (random: Random, isTaken: (id: number) => boolean = () => false): number => {
  for (;;) {
    const id = Buffer.from(random(4)).readUInt32BE();
    if (id > 0 && !isTaken(id)) return id;
  }
};
