import { LINE_PATTERN, PROSE_PATTERN, toProse } from "@edvoyage/protocol";
import { z } from "zod";

/**
 * A single line that other students read, such as a name. Rejects control characters, characters that change the direction of
 * the surrounding text, and lone surrogates (encoders treat them differently). Allows joiners, which Indian names need.
 */
export const lineInput = (maxCharacters: number) =>
  z
    .string()
    .max(maxCharacters)
    .regex(LINE_PATTERN, "One line, no control characters")
    .transform((text) => text.trim())
    .pipe(z.string().min(1));

/**
 * A text of several lines that other students read, such as a bio. Rejects the same characters as `lineInput`, except line
 * breaks and tabs. Each line break becomes one line feed.
 */
export const proseInput = (maxCharacters: number) =>
  z
    .string()
    .max(maxCharacters)
    .transform(toProse)
    .pipe(z.string().min(1).regex(PROSE_PATTERN, "No control characters"));
