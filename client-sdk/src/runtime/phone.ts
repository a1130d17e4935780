import { EdVoyageError } from "./errors.ts";

/**
 * Throws `phone/invalid` for a text that no server would take for a phone number. Only the server knows the plans of all countries,
 * so it may reject others.
 */
export const assertPhone = (text: string, pattern: RegExp): void => {
  if (!pattern.test(text.trim())) throw new EdVoyageError("phone/invalid", "This is not a phone number.");
};
