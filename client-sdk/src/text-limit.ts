import { defaultLimits, type LimitName } from "@edvoyage/protocol";
import { EdVoyageError } from "./errors.ts";

/** Throws `limit/reached` with the limit's name for what the server would not take: it would only be sent in vain. */
export const assertTextFits = (text: string | null | undefined, limit: LimitName): void => {
  if (text && text.length > defaultLimits[limit]) {
    throw new EdVoyageError("limit/reached", "This text is too long.", { details: { limit } });
  }
};
