import { deviceLimits } from "@edvoyage/protocol";
import { EdVoyageError } from "./errors.ts";

/** Throws `limit/reached` with the limit's name if the server would reject the text for its length. */
export const assertTextFits = (
  text: string | null | undefined,
  limit: keyof typeof deviceLimits & `${string}Characters`,
): void => {
  if (text && text.length > deviceLimits[limit]) {
    throw new EdVoyageError("limit/reached", "This text is too long.", { details: { limit } });
  }
};
