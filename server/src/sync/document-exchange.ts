import { CLOSE_CODES, type Limits, type UserId } from "@edvoyage/protocol";
import { AppError } from "../platform/errors.ts";
import { DocumentRefusal } from "./document-refusal.ts";
import type { Documents } from "./documents.ts";
import { checkStateVector } from "./update-check.ts";

/** A device's part of an exchange. */
export interface DocumentOffer {
  /** The changes that the server may lack (Yjs update V1). */
  readonly update: Uint8Array | undefined;
  /** The state vector of what the device has. */
  readonly stateVector: Uint8Array;
}

/** Exchanges user documents with devices that have no socket, with the checks of the socket. */
export interface DocumentExchange {
  /**
   * Commits the device's changes, then returns what the device lacks (Yjs update V1). Changes that the server already has are no
   * error. Throws `input/invalid` for malformed bytes, `limit/reached` (documentBytes, documentStateVectorEntries), and
   * `conflict` for changes that depend on others which the server lacks. After an error nothing has changed.
   */
  exchange(userId: UserId, offer: DocumentOffer): Promise<Uint8Array>;
}

/** Creates the exchange. */
export const createDocumentExchange = ({
  documents,
  limits,
}: {
  readonly documents: Pick<Documents, "read" | "apply">;
  readonly limits: Pick<Limits, "documentStateVectorEntries">;
}): DocumentExchange => ({
  exchange: async (userId, { update, stateVector }) => {
    // Before the update: an error must mean that nothing has changed.
    const { state } = checkStateVector(stateVector, limits.documentStateVectorEntries);
    if (state === "malformed") throw malformed("stateVector");
    if (state === "tooLarge") throw tooLarge("documentStateVectorEntries");
    if (update) await apply(documents, userId, update);
    const answer = await documents.read(userId, stateVector);
    return answer.update;
  },
});

const apply = async (
  documents: Pick<Documents, "apply">,
  userId: UserId,
  update: Uint8Array,
): Promise<void> => {
  const { state } = await documents.apply(userId, update).catch((error: unknown) => {
    if (!(error instanceof DocumentRefusal)) throw error;
    throw error.closeCode === CLOSE_CODES.malformed ? malformed("update") : tooLarge("documentBytes");
  });
  // A socket asks for the rest with another step 1; a call can only say that something is missing.
  if (state === "gap")
    throw new AppError("conflict", "The update depends on changes that the server lacks: send the whole.");
};

const malformed = (path: keyof DocumentOffer): AppError =>
  new AppError("input/invalid", "These bytes are not of a user document.", {
    issues: [{ path, message: "Not of a user document" }],
  });

const tooLarge = (limit: "documentBytes" | "documentStateVectorEntries"): AppError =>
  new AppError("limit/reached", "The document would become too large.", { limit });
