const DIGITS = 12;

/** A key whose order is that of the numbers; the id keeps apart what two programs write at once. */
export const sequenceKey = (prefix: string, sequence: number, id: string): string =>
  `${prefix}${String(sequence).padStart(DIGITS, "0")}-${id}`;

/** The number in such a key. */
export const sequenceOf = (prefix: string, key: string): number =>
  Number(key.slice(prefix.length, prefix.length + DIGITS));
