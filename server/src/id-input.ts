import { z } from "zod";

/**
 * An id as a caller sends it. Ours are UUIDs; any other text is looked for and not found, but for control
 * characters, which are invalid input: PostgreSQL refuses NUL in a text.
 */
export const idInput = <Kind extends string>() =>
  z
    .string()
    .regex(/^\P{Cc}{0,64}$/u, "Not an id")
    .transform((id) => id as Kind);
