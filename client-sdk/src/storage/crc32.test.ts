import { expect, test } from "vitest";
import { crc32 } from "./crc32.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test.each([
  ["", 0],
  ["123456789", 0xcbf43926],
  ["The quick brown fox jumps over the lazy dog", 0x414fa339],
])("the CRC-32 of %j is the known one", (text, known) => {
  expect(crc32(bytesOf(text))).toBe(known);
});

test("several runs are summed as one", () => {
  expect(crc32(bytesOf("1234"), bytesOf(""), bytesOf("56789"))).toBe(0xcbf43926);
});
