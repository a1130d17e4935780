import { describe, expect, test } from "vitest";
import { displayWidth, pad, toPrintable, truncate, wrap } from "./printable.ts";

describe("toPrintable", () => {
  test.each([
    ["removes the escape character of an escape sequence", "\u001b[31mred\u001b[0m", "[31mred[0m"],
    ["removes an 8-bit escape character", "\u009b31mred", "31mred"],
    ["replaces a line break with a space", "one\r\ntwo\u2028three", "one two three"],
    ["replaces a tab with a space", "one\ttwo", "one two"],
    ["removes a bell", "ding\u0007", "ding"],
    ["removes characters that change the text direction", "abc\u202etxt.exe\u2066", "abctxt.exe"],
    ["removes half a surrogate pair", "a\ud83db", "ab"],
    [
      "keeps joiners, for Hindi and family emoji",
      "क्\u200dष 👨\u200d👩\u200d👧",
      "क्\u200dष 👨\u200d👩\u200d👧",
    ],
  ])("%s", (_fact, text, printable) => {
    expect(toPrintable(text)).toBe(printable);
  });
});

describe("displayWidth", () => {
  test.each([
    ["counts Latin letters as one column wide", "Zürich", 6],
    ["counts Chinese characters as two columns wide", "小米", 4],
    ["counts an emoji as two columns wide", "📱", 2],
    ["counts a family as one emoji", "👨\u200d👩\u200d👧", 2],
    ["counts no column for a combining mark", "e\u0301", 1],
    ["counts a vowel sign beside its letter", "তানভীর", 6],
    ["counts a joined letter, but not a mark above or below", "हिन्दी", 5],
    ["counts a Korean syllable in parts like a whole one", "\u1112\u1161\u11ab", 2],
    ["counts the bullets of a masked number as one column wide", "+44••", 5],
  ])("%s", (_fact, text, width) => {
    expect(displayWidth(text)).toBe(width);
  });
});

describe("truncate", () => {
  test("keeps a text that fits", () => {
    expect(truncate("Pixel 8", 7)).toBe("Pixel 8");
  });

  test("cuts a name that is too long and ends it with an ellipsis", () => {
    expect(truncate("Priya's iPhone", 8)).toBe("Priya's…");
  });

  test("never cuts a wide character in half", () => {
    const cut = truncate("小米手机", 4);

    expect(cut).toBe("小…");
    expect(displayWidth(cut)).toBeLessThanOrEqual(4);
  });

  test("returns nothing for a width of 0", () => {
    expect(truncate("Pixel", 0)).toBe("");
  });
});

describe("wrap", () => {
  test("breaks a sentence between its words", () => {
    expect(wrap("The device is blocked", 10)).toEqual(["The device", "is blocked"]);
  });

  test("puts a word that is too long on its own line", () => {
    expect(wrap("see https://api.example.org now", 8)).toEqual(["see", "https://api.example.org", "now"]);
  });
});

describe("pad", () => {
  test("pads a text by its width on the screen", () => {
    expect(pad("小米", { width: 6, align: "left" })).toBe("小米  ");
    expect(pad("42", { width: 4, align: "right" })).toBe("  42");
  });
});
