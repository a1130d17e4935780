/** Characters that move the cursor, break a line, or change the direction of text. */
const SPACING = /[\t\n\v\f\r\u0085\p{Zl}\p{Zp}]+/gu;
const INVISIBLE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/**
 * Makes an untrusted text harmless for a terminal: one line, without control characters. Joiners stay, because Hindi
 * and family emoji need them.
 */
export const toPrintable = (text: string): string => text.replaceAll(SPACING, " ").replaceAll(INVISIBLE, "");

const PLAIN = /^[\x20-\x7e]*$/;
/** Matches what is two columns wide in a terminal: CJK, fullwidth forms and emoji (UAX #11). */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}\p{Emoji_Presentation}]|\ufe0f/u;
/**
 * Matches what is drawn onto the character before it: marks without their own width, joiners, and the later parts of
 * a Korean syllable.
 */
const ZERO_WIDTH = /\p{Mn}|\p{Me}|\u200c|\u200d|[\u1160-\u11ff]/gu;

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Returns how many columns a printable text takes in a terminal. */
export const displayWidth = (text: string): number => {
  if (PLAIN.test(text)) return text.length;
  return graphemesOf(text).reduce((sum, grapheme) => sum + graphemeWidth(grapheme), 0);
};

/** Cuts a printable text to a width. A text that is too long ends in `…`. */
export const truncate = (text: string, width: number): string => {
  if (displayWidth(text) <= width) return text;
  let shortened = "";
  let remainingWidth = width - 1;
  for (const grapheme of graphemesOf(text)) {
    remainingWidth -= graphemeWidth(grapheme);
    if (remainingWidth < 0) break;
    shortened += grapheme;
  }
  return width < 1 ? "" : `${shortened.trimEnd()}…`;
};

/** Breaks a printable text between words into lines of a width. A longer word gets its own line. */
export const wrap = (text: string, width: number): readonly string[] => {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    const longer = `${last} ${word}`;
    if (last === undefined || displayWidth(longer) > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
};

/** Pads a printable text with spaces. */
export const pad = (
  text: string,
  { width, align }: { readonly width: number; readonly align: "left" | "right" },
) => {
  const spaces = " ".repeat(Math.max(0, width - displayWidth(text)));
  return align === "left" ? text + spaces : spaces + text;
};

const graphemesOf = (text: string): string[] => [...segmenter.segment(text)].map(({ segment }) => segment);

/**
 * Returns the width of a grapheme as terminals count it: an emoji as a whole, a syllable of an Indian script letter
 * by letter.
 */
const graphemeWidth = (grapheme: string): number => {
  if (WIDE.test(grapheme)) return 2;
  return Array.from(grapheme.replaceAll(ZERO_WIDTH, "")).length;
};
