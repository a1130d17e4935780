import { expect, test } from "vitest";
import { createNewId, deriveMac, isEqualConstantTime, systemRandom } from "./crypto.ts";

test("creates ids that sort in the order of their creation, also within a millisecond and when the clock goes back", () => {
  const newId = createNewId(systemRandom);

  const ids = [1_000, 1_000, 1_000, 999, 2_000, 2_000, 1_500].map((now) => newId<string>(now));

  expect(ids).toEqual(ids.toSorted());
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("derives different MACs for different purposes, secrets and lists of parts", () => {
  const [code, key] = [deriveMac("secret", "code"), deriveMac("secret", "key")];

  const macs = [code("a", "b"), code("ab"), code("a,b"), key("a", "b"), deriveMac("other", "code")("a", "b")];

  expect(new Set(macs.map((mac) => mac.toString("hex"))).size).toBe(macs.length);
  expect(code("a", "b")).toEqual(deriveMac("secret", "code")("a", "b"));
});

test("compares texts as equal only when every character is equal", () => {
  expect(isEqualConstantTime("123456", "123456")).toBe(true);
  expect(isEqualConstantTime("123456", "123457")).toBe(false);
  expect(isEqualConstantTime("123456", "1234567")).toBe(false);
});
