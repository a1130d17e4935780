import type { Random } from "../platform/crypto.ts";

/**
 * A Yjs client id, 1 to 2^32 - 1, that is not taken. Drawn and never derived: one that is used again after a restore
 * makes copies that differ with equal state vectors, which nothing heals.
 */
export const drawClientId = (random: Random, isTaken: (id: number) => boolean = () => false): number => {
  for (;;) {
    const id = Buffer.from(random(4)).readUInt32BE();
    if (id > 0 && !isTaken(id)) return id;
  }
};
