import type { CommandId } from "@edvoyage/protocol";
import { z } from "zod";

/**
 * An id from a caller. Real ids are UUIDs; any other text is valid input that is simply not found. Control characters are
 * invalid input, because PostgreSQL refuses NUL in a text.
 */
export const idInput = <Kind extends string>() =>
  z
    .string()
    .regex(/^\P{Cc}{0,64}$/u, "Not an id")
    .transform((id) => id as Kind);

/** The id of a command: a UUIDv7 from the device. It is converted to lower case, so that each UUID has one spelling. */
export const requiredCommandIdInput = () => z.uuidv7().transform((id) => id.toLowerCase() as CommandId);

/** The id of a command; `null` if the caller sends none. */
export const commandIdInput = () =>
  requiredCommandIdInput()
    .nullish()
    .transform((id) => id ?? null);
