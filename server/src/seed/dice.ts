import { createHash } from "node:crypto";

/** Random draws that are the same for the same name, on every machine and whatever else is drawn. */
export interface SeededRandom {
  /** Returns a whole number from 0 to `count` - 1. */
  below(count: number): number;
  /** Returns a whole number, both ends included. */
  between(least: number, greatest: number): number;
  isWithin(probability: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
  /** Returns `count` different items in a random order, or all of them if there are fewer. */
  some<Item>(items: readonly Item[], count: number): Item[];
  /** Returns different items like `some`; the greater the weight of an item, the likelier it is drawn. */
  someByWeight<Item>(items: readonly Item[], count: number, weightOf: (item: Item) => number): Item[];
}

/**
 * Creates a mulberry32 generator, seeded with a hash of the name. Use one for each thing that is drawn, so that a
 * change of one does not change the others.
 */
export const createSeededRandom = (...name: readonly (string | number)[]): SeededRandom => {
  let state = createHash("sha256").update(JSON.stringify(name)).digest().readUInt32LE();
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below: SeededRandom["below"] = (count) => Math.floor(next() * count);

  const someByWeight: SeededRandom["someByWeight"] = (items, count, weightOf) =>
    items
      .map((item) => ({ item, rank: Math.log(1 - next()) / weightOf(item) }))
      .sort((one, other) => other.rank - one.rank)
      .slice(0, count)
      .map(({ item }) => item);

  return {
    below,
    between: (least, greatest) => least + below(greatest - least + 1),
    isWithin: (probability) => next() < probability,
    pick: (items) => {
      const item = items[below(items.length)];
      if (item === undefined) throw new Error("There is nothing to pick from");
      return item;
    },
    some: (items, count) => someByWeight(items, count, () => 1),
    someByWeight,
  };
};
