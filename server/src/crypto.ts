import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import { v7 } from "uuid";

/** Randomness, handed in so that tests can repeat it. */
export type Random = (sizeBytes: number) => Uint8Array;

/** The machine's randomness. */
export const systemRandom: Random = (sizeBytes) => randomBytes(sizeBytes);

/** Makes UUIDv7 ids (RFC 9562) of the kind that is asked for. */
export type NewId = <Kind extends string>(now: number) => Kind;

/** Ids whose time is the given clock's, so that they sort as the rows do. */
export const createNewId =
  (random: Random): NewId =>
  <Kind extends string>(now: number) =>
    v7({ msecs: now, random: random(16) }) as Kind;

/** SHA-256, base64url (43 characters). For keys of 128 random bits or more, which need no slow hash. */
export const sha256 = (text: string): string => createHash("sha256").update(text).digest("base64url");

/** A keyed function from named parts to 32 bytes; no two lists of parts share an input. */
export type Mac = (...parts: readonly (string | number)[]) => Buffer;

/** Derives from the server's secret a key for one purpose (HKDF, RFC 5869), so that none can stand for another. */
export const deriveMac = (secret: string, purpose: string): Mac => {
  const key = Buffer.from(hkdfSync("sha256", secret, "", `edvoyage/${purpose}`, 32));
  return (...parts) => createHmac("sha256", key).update(JSON.stringify(parts)).digest();
};

/** Compares in a time that tells nothing but the lengths. */
export const isEqualConstantTime = (one: string, other: string): boolean => {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
};
