import { createDecoder, hasContent, readVarUint } from "lib0/decoding";

const MAX_CLIENT_ID = 0xffff_ffff;
const MAX_CLOCK = 0x7fff_ffff;

/**
 * Reads a Yjs state vector: how many structs its sender has of each client. `undefined` for bytes that are none, or
 * that have more than `maxEntries`. Allocates nothing before the bytes are there.
 */
export const parseStateVector = (bytes: Uint8Array, maxEntries: number): Map<number, number> | undefined => {
  try {
    const decoder = createDecoder(bytes);
    const entries = readVarUint(decoder);
    // An entry takes two bytes at the least.
    if (entries > maxEntries || entries * 2 > bytes.length) return undefined;
    const clockByClient = new Map<number, number>();
    for (let entry = 0; entry < entries; entry += 1) {
      const client = readVarUint(decoder);
      const clock = readVarUint(decoder);
      if (client > MAX_CLIENT_ID || clock > MAX_CLOCK) return undefined;
      clockByClient.set(client, clock);
    }
    return hasContent(decoder) ? undefined : clockByClient;
  } catch {
    return undefined;
  }
};
