import { expect, test } from "vitest";
import { readUpTo } from "./paging.ts";

const createList = (length: number) => {
  const requestedLimits: number[] = [];
  return {
    requestedLimits,
    readPage: async ({ cursor, limit }: { cursor: string | null; limit: number }) => {
      requestedLimits.push(limit);
      const start = Number(cursor ?? 0);
      const end = Math.min(length, start + limit);
      const items = Array.from({ length: end - start }, (_, index) => start + index);
      return { items, nextCursor: end < length ? String(end) : null };
    },
  };
};

test("reads pages up to the limit, at most 100 items each", async () => {
  const list = createList(1_000);

  const { items, hasMore } = await readUpTo(250, list.readPage);

  expect(items).toEqual(Array.from({ length: 250 }, (_, index) => index));
  expect(hasMore).toBe(true);
  expect(list.requestedLimits).toEqual([100, 100, 50]);
});

test("reports no more items for a list that ends at the limit", async () => {
  const { items, hasMore } = await readUpTo(100, createList(100).readPage);

  expect(items).toHaveLength(100);
  expect(hasMore).toBe(false);
});
