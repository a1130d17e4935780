import { expect, test } from "vitest";
import { splitEntries } from "./entries.ts";

test("a part has at most 200 entries, in their order", () => {
  const entries = Array.from({ length: 450 }, (_, index) => index);

  const parts = splitEntries(entries);

  expect(parts.map((part) => part.length)).toEqual([200, 200, 50]);
  expect(parts.flat()).toEqual(entries);
});

test("a part stays below the size of a request", () => {
  const entry = { name: "ü".repeat(30_000) };

  const parts = splitEntries([entry, entry, entry, entry]);

  expect(parts.map((part) => part.length)).toEqual([3, 1]);
});

test("an entry too large for any request goes alone, for the server to refuse", () => {
  const parts = splitEntries([1, "x".repeat(300_000), 2]);

  expect(parts.map((part) => part.length)).toEqual([1, 1, 1]);
});
