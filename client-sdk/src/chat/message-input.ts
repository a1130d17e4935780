import { EdVoyageError } from "../runtime/errors.ts";
import { assertTextFits } from "../runtime/text-limit.ts";

/** UTF-16 code units; no emoji has more. */
const MAX_EMOJI_CHARACTERS = 32;
/** With the `u` flag, a surrogate pair is one character, so this matches only halves. Hermes has no `isWellFormed`. */
const ILL_FORMED = /[\0\ud800-\udfff]/u;

/** Throws `limit/reached` or `input/invalid` for a text that the server would reject. */
export const assertMessageText = (text: string): void => {
  assertTextFits(text, "messageCharacters");
  if (ILL_FORMED.test(text)) throw invalid("text", "Not well-formed text");
  if (!/\S/.test(text)) throw invalid("text", "Nothing is said");
};

/** Throws `input/invalid` for a string that cannot be an emoji; the server checks more closely. */
export const assertEmoji = (emoji: string): void => {
  if (emoji === "" || emoji.length > MAX_EMOJI_CHARACTERS || ILL_FORMED.test(emoji)) {
    throw invalid("emoji", "Not an emoji");
  }
};

const invalid = (path: string, message: string): EdVoyageError =>
  new EdVoyageError("input/invalid", `${message}.`, { details: { issues: [{ path, message }] } });
