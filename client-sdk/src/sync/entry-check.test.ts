import { ENTRY_LIMITS } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { checkKey, parseValue } from "./entry-check.ts";

const nested = (depth: number): unknown => (depth === 1 ? 1 : [nested(depth - 1)]);

test.each<[string, unknown]>([
  ["a text", "Zürich 🏔"],
  ["a number", 1_788_000_000_000],
  ["a fraction", 0.1],
  ["an object in a list", [{ sort: "name", ascending: true }]],
  ["as much nesting as there may be", nested(ENTRY_LIMITS.nesting)],
  ["as many bytes as there may be", "x".repeat(ENTRY_LIMITS.valueBytes - 3)],
])("a value may be %s", (_, value) => {
  expect(parseValue(value)).toEqual(value);
});

test("a value is what JSON makes of it", () => {
  expect(parseValue({ at: new Date(0), none: undefined })).toEqual({ at: "1970-01-01T00:00:00.000Z" });
});

test.each<[string, unknown]>([
  ["a function", () => 1],
  ["a bigint", 1n],
  ["nested too deep", nested(ENTRY_LIMITS.nesting + 1)],
  ["too large", "x".repeat(ENTRY_LIMITS.valueBytes - 2)],
  ["with a forbidden name", JSON.parse('{"a":{"__proto__":1}}')],
  ["with a NUL", { text: "a\0b" }],
  ["with half a surrogate pair", ["\ud800"]],
])("a value may not be %s", (_, value) => {
  expect(() => parseValue(value)).toThrow(expect.objectContaining({ reason: "input/invalid" }));
});

test("a key has its limits too", () => {
  checkKey("k".repeat(ENTRY_LIMITS.keyCharacters));

  for (const key of ["k".repeat(ENTRY_LIMITS.keyCharacters + 1), "a\0b", "\udc00"]) {
    expect(() => checkKey(key)).toThrow(expect.objectContaining({ reason: "input/invalid" }));
  }
});
