import { createHmac, hash, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import { v7 } from "uuid";

/** Randomness, handed in so that tests can repeat it. */
export type Random = (sizeBytes: number) => Uint8Array;

/** The machine's randomness. */
export const systemRandom: Random = (sizeBytes) => randomBytes(sizeBytes);

/** Makes UUIDv7 ids (RFC 9562) of the kind that is asked for. */
export type NewId = <Kind extends string>(now: number) => Kind;

const ID_BYTES = 16;
const POOL_BYTES = 256 * ID_BYTES;
/** Half of the counter's range is left for the ids of one millisecond. */
const MAX_FIRST_SEQUENCE = 0x7fff_ffff;

/**
 * Ids whose time is the given clock's and which sort in the order in which they were made, within one
 * millisecond too (RFC 9562, 6.2: a counter that starts at random).
 */
export const createNewId = (random: Random): NewId => {
  // Drawn in bulk: each draw is a call into the kernel, and a sign-in makes seven ids.
  let pool = random(POOL_BYTES);
  let used = 0;
  let msecs = 0;
  let seq = 0;
  return <Kind extends string>(now: number) => {
    if (used + ID_BYTES > POOL_BYTES) {
      pool = random(POOL_BYTES);
      used = 0;
    }
    const bytes = pool.subarray(used, used + ID_BYTES);
    used += ID_BYTES;
    if (now > msecs) {
      msecs = now;
      seq = Buffer.from(bytes).readUInt32BE() & MAX_FIRST_SEQUENCE;
    } else {
      seq += 1;
    }
    return v7({ msecs, seq, random: bytes }) as Kind;
  };
};

/** The least id of an instant: ids made before it are less, ids made at it or later are not. */
export const leastIdAt = (at: number): string =>
  v7({ msecs: Math.max(0, at), seq: 0, random: new Uint8Array(16) }).replace(/-[0-9a-f]+$/, "-000000000000");

/** SHA-256, base64url (43 characters). For keys of 128 random bits or more, which need no slow hash. */
export const sha256 = (text: string): string => hash("sha256", text, "base64url");

/** A keyed function from named parts to 32 bytes; no two lists of parts share an input. */
export type DeriveMac = (...parts: readonly (string | number)[]) => Buffer;

/** Derives from the server's secret a key for one purpose (HKDF, RFC 5869), so that none can stand for another. */
export const deriveMac = (secret: string, purpose: string): DeriveMac => {
  const key = Buffer.from(hkdfSync("sha256", secret, "", `edvoyage/${purpose}`, 32));
  return (...parts) => createHmac("sha256", key).update(JSON.stringify(parts)).digest();
};

/** Compares in a time that tells nothing but the lengths. */
export const isEqualConstantTime = (one: string, other: string): boolean => {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
};
