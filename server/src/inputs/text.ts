import { z } from "zod";

/**
 * A line that other students read, such as a name: no control characters, nothing that turns the direction of the text
 * around it, no lone surrogates (encoders differ on them). Joiners stay: names of India are written with them.
 */
export const lineInput = (maxCharacters: number) =>
  z
    .string()
    .max(maxCharacters)
    .regex(/^[^\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]*$/u, "One line, no control characters")
    .transform((text) => text.trim())
    .pipe(z.string().min(1));

/**
 * What other students read in several lines, such as a bio: what `lineInput` refuses is refused here too, but for line breaks
 * and tabs. Each line break becomes one line feed.
 */
export const proseInput = (maxCharacters: number) =>
  z
    .string()
    .max(maxCharacters)
    .transform((text) => text.replaceAll(/\r\n?/g, "\n").trim())
    .pipe(
      z
        .string()
        .min(1)
        .regex(
          /^(?:[\n\t]|[^\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069])*$/u,
          "No control characters",
        ),
    );
