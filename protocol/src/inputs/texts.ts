import { textCheck, type Check } from "./checks.ts";

// Ranges instead of names of Unicode's categories: JavaScript engines of phones do not know the names.
/** Control characters. */
const CONTROLS = "\\0-\\x1f\\x7f-\\x9f";
/** Lone surrogates, which encoders treat differently, line and paragraph separators, and changes of the direction of the text around. */
const HARMFUL = "\\ud800-\\udfff\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069";
/** Characters of Unicode's category "format", which cannot be seen. */
const INVISIBLE =
  "\\xad\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u180e\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u2064" +
  "\\u2066-\\u206f\\ufeff\\ufff9-\\ufffb\\u{110bd}\\u{110cd}\\u{13430}-\\u{1343f}\\u{1bca0}-\\u{1bca3}" +
  "\\u{1d173}-\\u{1d17a}\\u{e0001}\\u{e0020}-\\u{e007f}";

/** A single line that other students read, such as a name. Joiners are allowed, which Indian names need. */
export const LINE_PATTERN = new RegExp(`^[^${CONTROLS}${HARMFUL}]*$`, "u");
/** A text of several lines, after `toProse`. It allows what a line allows, and also line feeds and tabs. */
export const PROSE_PATTERN = new RegExp(`^(?:[\\n\\t]|[^${CONTROLS}${HARMFUL}])*$`, "u");
/** An `https:` URL without characters that cannot be seen. `isHttpsUrl` checks the rest. */
export const HTTPS_URL_PATTERN = new RegExp(
  `^https:\\/\\/[^\\s${CONTROLS}${INVISIBLE}\\ud800-\\udfff\\\\]+$`,
  "u",
);
/** The name of an image in the app's own image store. It has no scheme and cannot point elsewhere. */
export const IMAGE_NAME_PATTERN = /^[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_-]+)*$/;
const ID_PATTERN = new RegExp(`^[^${CONTROLS}]{0,64}$`, "u");
/** The characters of the name of an image. */
export const MAX_IMAGE_NAME_CHARACTERS = 512;
/** The characters of a URL. */
export const MAX_URL_CHARACTERS = 2_048;
/** A month, such as 2024-09. */
export const MONTH_PATTERN = /^(?:19|20)\d\d-(?:0[1-9]|1[0-2])$/;
/** An e-mail address. */
export const EMAIL_PATTERN =
  /^(?:[A-Za-z0-9_'+-]+\.)*[A-Za-z0-9_'+-]*[A-Za-z0-9_+-]@(?:[A-Za-z0-9][A-Za-z0-9-]*\.)+[A-Za-z]{2,}$/;

/** Returns a text of several lines in its stored form: each line break is a line feed. */
export const toProse = (text: string): string => text.replaceAll(/\r\n?/g, "\n").trim();

/** Returns whether a text is an `https:` URL without a user name and a password, which could harm students who open it. */
export const isHttpsUrl = (text: string): boolean =>
  HTTPS_URL_PATTERN.test(text) && !/^https:\/\/[^/?#]*@/.test(text) && URL.canParse?.(text) !== false;

/** Checks a single line. */
export const lineCheck = (maxCharacters: number): Check =>
  textCheck((text) => {
    if (text.length > maxCharacters) return tooLong(maxCharacters);
    if (!LINE_PATTERN.test(text)) return "One line, no control characters";
    return text.trim() === "" ? EMPTY : undefined;
  });

/** Checks a text of several lines. */
export const proseCheck = (
  maxCharacters: number,
  { mayBeEmpty = false }: { readonly mayBeEmpty?: boolean } = {},
): Check =>
  textCheck((text) => {
    if (text.length > maxCharacters) return tooLong(maxCharacters);
    if (!PROSE_PATTERN.test(toProse(text))) return "No control characters";
    return mayBeEmpty || toProse(text) !== "" ? undefined : EMPTY;
  });

/** Checks an `https:` URL. */
export const httpsUrlCheck = (maxCharacters: number): Check =>
  textCheck((text) =>
    text.length <= maxCharacters && isHttpsUrl(text) ? undefined : "An https URL without a name and password",
  );

/** Checks an `https:` URL, or the name of an image. */
export const imageCheck: Check = textCheck((text) =>
  (text.length <= MAX_URL_CHARACTERS && isHttpsUrl(text)) ||
  (text.length <= MAX_IMAGE_NAME_CHARACTERS && IMAGE_NAME_PATTERN.test(text))
    ? undefined
    : "An https URL, or the name of an image",
);

/** Checks the form of an id. */
export const idCheck: Check = textCheck((text) => (ID_PATTERN.test(text) ? undefined : "Not an id"));

const EMPTY = "Must not be empty";
const tooLong = (maxCharacters: number): string => `Has more than ${maxCharacters} characters`;
