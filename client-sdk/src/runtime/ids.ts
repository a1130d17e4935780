import type { Clock } from "./clock.ts";

/** Returns this many cryptographically secure random bytes. */
export type RandomBytes = (count: number) => Uint8Array;

/** The platform's random bytes. `crypto` is looked up at each call, because React Native installs it late. */
export const systemRandomBytes: RandomBytes = (count) => crypto.getRandomValues(new Uint8Array(count));

/** Returns a new id (RFC 9562 UUIDv7). Ids are ordered by creation time. */
export type NewId = <Id extends string>() => Id;

/** Creates a generator of ids. Each id is greater than the one before, also within one millisecond and when the clock goes back. */
export const createNewId = ({
  clock,
  randomBytes,
}: {
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
}): NewId => {
  let last = 0;
  return <Id extends string>() => {
    // Never use a millisecond twice, as RFC 9562 6.2 allows.
    last = Math.max(last + 1, Math.trunc(clock.now()));
    const random = bytesToHex(randomBytes(10));
    const time = last.toString(16).padStart(12, "0");
    const variant = ((Number.parseInt(random.charAt(3), 16) & 0x3) | 0x8).toString(16);
    return [
      time.slice(0, 8),
      time.slice(8),
      `7${random.slice(0, 3)}`,
      `${variant}${random.slice(4, 7)}`,
      random.slice(8, 20),
    ].join("-") as Id;
  };
};

/** Returns a random number from 0 (inclusive) to 1 (exclusive). */
export const randomFraction = (randomBytes: RandomBytes): number =>
  Number.parseInt(bytesToHex(randomBytes(4)), 16) / 2 ** 32;

/** Returns two lowercase hexadecimal digits per byte. */
export const bytesToHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
