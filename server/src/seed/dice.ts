import { createHash } from "node:crypto";

/** Draws that are the same for the same name, on every machine and whatever else is drawn. */
export interface SeededRandom {
  /** 0 to `count` - 1. */
  below(count: number): number;
  /** A whole number, both ends included. */
  between(least: number, greatest: number): number;
  isWithin(probability: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
  /** Different ones in a random order: as many as there are, if those are fewer. */
  some<Item>(items: readonly Item[], count: number): Item[];
  /** Different ones, each the likelier the greater its weight. */
  someByWeight<Item>(items: readonly Item[], count: number, weightOf: (item: Item) => number): Item[];
}

/** mulberry32, begun by a hash of the name: an object of its own for each thing that is drawn keeps the others as they were. */
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
