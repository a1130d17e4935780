import { expect, test } from "vitest";
import { isEmoji } from "./emoji.ts";

test.each(["👍", "👍🏽", "❤", "❤️", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇮🇳", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣", "☺️", "🧑🏽‍❤️‍💋‍🧑🏿"])(
  "accepts %s as an emoji",
  (text) => {
    expect(isEmoji(text)).toBe(true);
  },
);

test.each([
  ["nothing", ""],
  ["a letter", "a"],
  ["a word", "like"],
  ["a digit", "1"],
  ["two emojis", "👍👍"],
  ["an emoji and a letter", "👍a"],
  ["half a flag", "🇮"],
  ["a lone surrogate", "\ud83d"],
  ["a lone joiner", "\u200d"],
  ["an emoji that ends in a joiner", "👍\u200d"],
  ["markup", "<b>"],
  ["a line break", "👍\n"],
  ["NUL", "\0"],
  ["more than 32 code units", "👍".repeat(17)],
  ["a long chain", Array.from({ length: 20 }, () => "👩").join("\u200d")],
])("does not take %s for an emoji", (_name, text) => {
  expect(isEmoji(text)).toBe(false);
});
