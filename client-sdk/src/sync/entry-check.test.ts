import { ENTRY_LIMITS } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { checkKey, parseValue } from "./entry-check.ts";

const nested = (depth: number): unknown => (depth === 1 ? 1 : [nested(depth - 1)]);

test.each<[string, unknown]>([
  ["a text", "Zürich 🏔"],
  ["a number", 1_788_000_000_000],
  ["a fraction", 0.1],
  ["an object in a list", [{ sort: "name", ascending: true }]],
  ["the maximum nesting", nested(ENTRY_LIMITS.nesting)],
  ["the maximum number of bytes", "x".repeat(ENTRY_LIMITS.valueBytes - 3)],
])("accepts as a value: %s", (_, value) => {
  expect(parseValue(value)).toEqual(value);
});

test("converts a value as JSON does", () => {
  expect(parseValue({ at: new Date(0), none: undefined })).toEqual({ at: "1970-01-01T00:00:00.000Z" });
});

test.each<[string, unknown]>([
  ["a function", () => 1],
  ["a bigint", 1n],
  ["too deep nesting", nested(ENTRY_LIMITS.nesting + 1)],
  ["too many bytes", "x".repeat(ENTRY_LIMITS.valueBytes - 2)],
  ["a forbidden name", JSON.parse('{"a":{"__proto__":1}}')],
  ["a NUL", { text: "a\0b" }],
  ["half a surrogate pair", ["\ud800"]],
])("rejects as a value: %s", (_, value) => {
  expect(() => parseValue(value)).toThrow(expect.objectContaining({ reason: "input/invalid" }));
});

test("[SY29] accepts a key of maximum length, and rejects longer and malformed keys", () => {
  checkKey("k".repeat(ENTRY_LIMITS.keyCharacters));

  for (const key of ["k".repeat(ENTRY_LIMITS.keyCharacters + 1), "a\0b", "\udc00"]) {
    expect(() => checkKey(key)).toThrow(expect.objectContaining({ reason: "input/invalid" }));
  }
});
