import { z } from "zod";

/**
 * An id as a caller sends it. Ours are UUIDs; what else has their characters is looked for and not found, and
 * what has not (NUL, which PostgreSQL refuses as text, among it) is invalid input.
 */
export const idInput = <Kind extends string>() =>
  z
    .string()
    .regex(/^[\w-]{1,64}$/, "Not an id")
    .transform((id) => id as Kind);
