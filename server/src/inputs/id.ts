import type { CommandId } from "@edvoyage/protocol";
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

/** The id of a command, a UUIDv7 that its device made. In lower case: one UUID has one spelling here. */
export const requiredCommandIdInput = () => z.uuidv7().transform((id) => id.toLowerCase() as CommandId);

/** The id of a command, or `null` when the caller gives none. */
export const commandIdInput = () =>
  requiredCommandIdInput()
    .nullish()
    .transform((id) => id ?? null);
