import { expect, test } from "vitest";
import { splitEntries } from "./entries.ts";

test("splits entries into parts of at most 200, in their order", () => {
  const entries = Array.from({ length: 450 }, (_, index) => index);

  const parts = splitEntries(entries);

  expect(parts.map((part) => part.length)).toEqual([200, 200, 50]);
  expect(parts.flat()).toEqual(entries);
});

test("keeps a part below the size limit of a request", () => {
  const entry = { name: "ü".repeat(30_000) };

  const parts = splitEntries([entry, entry, entry, entry]);

  expect(parts.map((part) => part.length)).toEqual([3, 1]);
});

test("puts an entry that is too large for any request into its own part, for the server to refuse", () => {
  const parts = splitEntries([1, "x".repeat(300_000), 2]);

  expect(parts.map((part) => part.length)).toEqual([1, 1, 1]);
});
