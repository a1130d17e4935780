/** UTF-16 code units: a family with skin tones has 25. */
const MAX_EMOJI_LENGTH = 32;

/**
 * One emoji (UTS #51): a flag, a keycap, or pictographs joined by U+200D. By its shape and not by the list of those
 * that this server's Unicode knows: phones have new ones every year.
 */
const EMOJI = new RegExp(
  String.raw`^(?:\p{RI}{2}|[0-9#*]\uFE0F?\u20E3|(?:PICTOGRAPH)(?:\u200D(?:PICTOGRAPH))*)$`.replaceAll(
    "PICTOGRAPH",
    String.raw`\p{Extended_Pictographic}\uFE0F?\p{Emoji_Modifier}?[\u{E0020}-\u{E007F}]*`,
  ),
  "u",
);

/** Whether a text is one emoji and nothing else. */
export const isEmoji = (text: string): boolean => text.length <= MAX_EMOJI_LENGTH && EMOJI.test(text);
