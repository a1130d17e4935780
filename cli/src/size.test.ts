import { expect, test } from "vitest";
import { sizeToText } from "./size.ts";

test.each([
  [0, "0 bytes"],
  [999, "999 bytes"],
  [4_096, "4.1 kB"],
  [126_400_000, "126 MB"],
  [3_000_000_000_000_000, "3000 TB"],
])("formats %i bytes as %s", (sizeBytes, text) => {
  expect(sizeToText(sizeBytes)).toBe(text);
});
