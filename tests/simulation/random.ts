/** Deterministic randomness: the same seed gives the same draws. */
export interface SeededRandom {
  /** Returns a number from 0 to below 1. */
  fraction(): number;
  /** Returns a whole number from `least` to `most`, both included. */
  between(least: number, most: number): number;
  /** Returns true with this probability. */
  chance(probability: number): boolean;
  pick<const Item>(items: readonly [Item, ...Item[]]): Item;
  bytes(count: number): Uint8Array<ArrayBuffer>;
  /** Returns another stream of draws, independent of the draws of this one. */
  fork(name: string): SeededRandom;
}

export const createSeededRandom = (seed: number): SeededRandom => fromText(`${seed}`);

/** The generator sfc32 of PractRand, seeded with a hash of the text. */
const fromText = (text: string): SeededRandom => {
  let [a, b, c, counter] = [hashOf(text, 1), hashOf(text, 2), hashOf(text, 3), 1];
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  // Skip the first draws, which still resemble the seed.
  for (let round = 0; round < 12; round += 1) next();

  const random: SeededRandom = {
    fraction: () => next() / 2 ** 32,
    between: (least, most) => least + (next() % (most - least + 1)),
    chance: (probability) => random.fraction() < probability,
    pick: (items) => items[next() % items.length] ?? items[0],
    bytes: (count) => Uint8Array.from({ length: count }, () => next() >>> 24),
    fork: (name) => fromText(`${text}/${name}`),
  };
  return random;
};

/** FNV-1a with 32 bits and a final mix, because the texts of forks may differ in one character. */
const hashOf = (text: string, salt: number): number => {
  let hash = 0x811c9dc5 ^ salt;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
};
