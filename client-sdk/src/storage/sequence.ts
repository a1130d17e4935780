const DIGITS = 12;

/**
 * Returns a key that sorts by its sequence number. The id separates keys that two programs write at the same time.
 */
export const sequenceKey = (prefix: string, sequence: number, id: string): string =>
  `${prefix}${String(sequence).padStart(DIGITS, "0")}-${id}`;

/** Returns the sequence number in such a key. */
export const sequenceOf = (prefix: string, key: string): number =>
  Number(key.slice(prefix.length, prefix.length + DIGITS));

/** Returns the id in such a key. */
export const idInKey = (prefix: string, key: string): string => key.slice(prefix.length + DIGITS + 1);
