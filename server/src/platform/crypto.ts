import { createHmac, hash, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import { v7 } from "uuid";

/** A source of random bytes, passed in so that tests can repeat them. */
export type Random = (sizeBytes: number) => Uint8Array;

/** Random bytes of the operating system. */
export const systemRandom: Random = (sizeBytes) => randomBytes(sizeBytes);

/** Creates a UUIDv7 id (RFC 9562) of the given kind. */
export type NewId = <Kind extends string>(now: number) => Kind;

const ID_BYTES = 16;
const POOL_BYTES = 256 * ID_BYTES;
/** The highest start of the counter: the other half of its range is left for the ids of one millisecond. */
const MAX_FIRST_SEQUENCE = 0x7fff_ffff;

/**
 * Returns a function that creates ids with the given time. They sort in the order of their creation, also
 * within one millisecond (RFC 9562, 6.2: a counter with a random start).
 */
export const createNewId = (random: Random): NewId => {
  // Drawn in bulk: each draw is a call into the kernel, and a sign-in creates seven ids.
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

/**
 * Returns the lowest id of an instant: ids created earlier sort before it, ids created at the instant or later do not.
 */
export const leastIdAt = (at: number): string =>
  v7({ msecs: Math.max(0, at), seq: 0, random: new Uint8Array(16) }).replace(/-[0-9a-f]+$/, "-000000000000");

/**
 * Hashes a text with SHA-256; base64url, 43 characters. Only for keys of 128 random bits or more, which need no slow
 * hash.
 */
export const sha256 = (text: string): string => hash("sha256", text, "base64url");

/** Computes a MAC of 32 bytes from a list of parts. Different lists never have the same input. */
export type DeriveMac = (...parts: readonly (string | number)[]) => Buffer;

/**
 * Derives a MAC for one purpose from the server's secret (HKDF, RFC 5869). A MAC of one purpose is never valid for
 * another.
 */
export const deriveMac = (secret: string, purpose: string): DeriveMac => {
  const key = Buffer.from(hkdfSync("sha256", secret, "", `edvoyage/${purpose}`, 32));
  return (...parts) => createHmac("sha256", key).update(JSON.stringify(parts)).digest();
};

/** Compares two texts in constant time; only a difference in length can be measured. */
export const isEqualConstantTime = (one: string, other: string): boolean => {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
};
