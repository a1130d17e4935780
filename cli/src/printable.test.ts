import { describe, expect, test } from "vitest";
import { displayWidth, pad, toPrintable, truncate, wrap } from "./printable.ts";

describe("toPrintable", () => {
  test.each([
    ["an escape sequence loses its escape", "\u001b[31mred\u001b[0m", "[31mred[0m"],
    ["an 8-bit escape is gone", "\u009b31mred", "31mred"],
    ["a line break becomes a space", "one\r\ntwo\u2028three", "one two three"],
    ["a tab becomes a space", "one\ttwo", "one two"],
    ["a bell is gone", "ding\u0007", "ding"],
    ["text cannot be turned around", "abc\u202etxt.exe\u2066", "abctxt.exe"],
    ["half a character is gone", "a\ud83db", "ab"],
    ["joiners stay, for Hindi and families", "क्\u200dष 👨\u200d👩\u200d👧", "क्\u200dष 👨\u200d👩\u200d👧"],
  ])("%s", (_fact, text, printable) => {
    expect(toPrintable(text)).toBe(printable);
  });
});

describe("displayWidth", () => {
  test.each([
    ["Latin letters are one wide", "Zürich", 6],
    ["Chinese characters are two wide", "小米", 4],
    ["a picture is two wide", "📱", 2],
    ["a family is one picture", "👨\u200d👩\u200d👧", 2],
    ["a combining mark takes no room", "e\u0301", 1],
    ["a vowel sign beside its letter takes room", "তানভীর", 6],
    ["a mark above or below does not, a joined letter does", "हिन्दी", 5],
    ["a Korean syllable in parts is as wide as a whole one", "\u1112\u1161\u11ab", 2],
    ["the bullets of a masked number are one wide", "+44••", 5],
  ])("%s", (_fact, text, width) => {
    expect(displayWidth(text)).toBe(width);
  });
});

describe("truncate", () => {
  test("a text that fits stays as it is", () => {
    expect(truncate("Pixel 8", 7)).toBe("Pixel 8");
  });

  test("a name that is too long ends in an ellipsis", () => {
    expect(truncate("Priya's iPhone", 8)).toBe("Priya's…");
  });

  test("a wide character is never cut in half", () => {
    const cut = truncate("小米手机", 4);

    expect(cut).toBe("小…");
    expect(displayWidth(cut)).toBeLessThanOrEqual(4);
  });

  test("no room shows nothing", () => {
    expect(truncate("Pixel", 0)).toBe("");
  });
});

describe("wrap", () => {
  test("a sentence breaks between its words", () => {
    expect(wrap("The device is blocked", 10)).toEqual(["The device", "is blocked"]);
  });

  test("a word that is too long has its own line", () => {
    expect(wrap("see https://api.example.org now", 8)).toEqual(["see", "https://api.example.org", "now"]);
  });
});

describe("pad", () => {
  test("a text is filled up by its width on the screen", () => {
    expect(pad("小米", { width: 6, align: "left" })).toBe("小米  ");
    expect(pad("42", { width: 4, align: "right" })).toBe("  42");
  });
});
