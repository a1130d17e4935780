/** In UTF-16 code units. A family with skin tones has 25. */
const MAX_EMOJI_LENGTH = 32;

/**
 * The shape of one emoji (UTS #51): a flag, a keycap, or pictographs joined by U+200D. It is not a list of known emojis,
 * because phones get new ones every year, before this server's Unicode data has them.
 */
const EMOJI = new RegExp(
  String.raw`^(?:\p{RI}{2}|[0-9#*]\uFE0F?\u20E3|(?:PICTOGRAPH)(?:\u200D(?:PICTOGRAPH))*)$`.replaceAll(
    "PICTOGRAPH",
    String.raw`\p{Extended_Pictographic}\uFE0F?\p{Emoji_Modifier}?[\u{E0020}-\u{E007F}]*`,
  ),
  "u",
);

/** Returns whether a text is exactly one emoji. */
export const isEmoji = (text: string): boolean => text.length <= MAX_EMOJI_LENGTH && EMOJI.test(text);
