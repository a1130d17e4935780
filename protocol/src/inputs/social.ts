import { fieldsOf, listOf, optional, withRule, type Check } from "./checks.ts";
import { httpsUrlCheck, idCheck, imageCheck, lineCheck, MAX_URL_CHARACTERS, proseCheck } from "./texts.ts";

/** The most characters that a request can hold. The real limit of a text has an error of its own, which names it. */
export const MAX_SOCIAL_TEXT_CHARACTERS = 256 * 1024;
/** The students that a text may mention. */
export const MAX_MENTIONS = 1_000;
/** The characters of the reason of a report. */
export const MAX_REPORT_CHARACTERS = 500;

const text = proseCheck(MAX_SOCIAL_TEXT_CHARACTERS);
const mentions = optional(listOf(idCheck, { max: MAX_MENTIONS }));

/** Checks a change of a post. */
export const postChangeCheck: Check = fieldsOf({
  text: optional(text),
  link: optional(httpsUrlCheck(MAX_URL_CHARACTERS)),
  image: optional(imageCheck),
  mentions,
});

interface Content {
  readonly text?: unknown;
  readonly link?: unknown;
  readonly image?: unknown;
}

/** Checks a new post. */
export const newPostCheck: Check = withRule(postChangeCheck, {
  isValid: ({ text: words, link, image }: Content): boolean => (words ?? link ?? image ?? null) !== null,
  field: "text",
  message: "The post is empty",
});

/** Checks a new comment. */
export const newCommentCheck: Check = fieldsOf({ text, parentId: optional(idCheck), mentions });

/** Checks the report of a post. */
export const reportCheck: Check = fieldsOf({ reason: lineCheck(MAX_REPORT_CHARACTERS) });
