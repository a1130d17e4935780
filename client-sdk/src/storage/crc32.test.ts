import { expect, test } from "vitest";
import { crc32 } from "./crc32.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test.each([
  ["", 0],
  ["123456789", 0xcbf43926],
  ["The quick brown fox jumps over the lazy dog", 0x414fa339],
])("computes the published CRC-32 of %j", (text, expected) => {
  expect(crc32(bytesOf(text))).toBe(expected);
});

test("computes the same CRC-32 for bytes in several arrays as in one", () => {
  expect(crc32(bytesOf("1234"), bytesOf(""), bytesOf("56789"))).toBe(0xcbf43926);
});
