import { CLOSE_CODES, type CloseCode } from "@edvoyage/protocol";
import * as Y from "yjs";
import { toEdVoyageError } from "../runtime/errors.ts";

/** Calls `documents.exchange`. Updates and state vectors are base64. */
export type ExchangeCall = (input: {
  readonly update?: string;
  readonly stateVector: string;
}) => Promise<{ readonly update: string }>;

/** The result of an exchange: a close code says that the server refuses the document, as on a socket. */
export type ExchangeOutcome = "done" | "failed" | CloseCode;

/** Synchronizes one document by HTTP. */
export interface DocumentExchange {
  /** Sends what the server may lack, and applies what it answers. Make only one call at a time. Never throws. */
  run(): Promise<ExchangeOutcome>;
  close(): void;
}

/** The state vector of an empty document. */
const NOTHING = Uint8Array.of(0);

/** Creates the exchange of a document; it sends nothing before `run`. */
export const createDocumentExchange = (doc: Y.Doc, call: ExchangeCall): DocumentExchange => {
  /** The state vector of what the server has at least; `undefined` before it was asked. */
  let known: Uint8Array | undefined;
  let hasChanges = true;
  const note = (_update: Uint8Array, origin: unknown): void => {
    if (origin !== exchange) hasChanges = true;
  };
  doc.on("update", note);

  const apply = ({ update }: { readonly update: string }): Uint8Array => {
    const bytes = fromBase64(update);
    Y.applyUpdate(doc, bytes, exchange);
    return bytes;
  };

  const send = async (): Promise<void> => {
    // Only the whole document tells what the server lacks.
    known ??= stateVectorOf(apply(await call({ stateVector: toBase64(NOTHING) })));
    const stateVector = Y.encodeStateVector(doc);
    const update = hasChanges ? { update: toBase64(Y.encodeStateAsUpdate(doc, known)) } : {};
    hasChanges = false;
    try {
      apply(await call({ ...update, stateVector: toBase64(stateVector) }));
    } catch (error) {
      hasChanges = true;
      throw error;
    }
    known = stateVector;
  };

  const sendAgain = (error: unknown): Promise<void> => {
    if (known === undefined || toEdVoyageError(error).reason !== "conflict") throw error;
    // The server was put back to an earlier state, and lacks more than was sent.
    known = undefined;
    return send();
  };

  const exchange: DocumentExchange = {
    run: async () => {
      try {
        await send().catch(sendAgain);
        return "done";
      } catch (error) {
        const { reason } = toEdVoyageError(error);
        if (reason === "input/invalid") return CLOSE_CODES.malformed;
        return reason === "limit/reached" ? CLOSE_CODES.tooLarge : "failed";
      }
    },
    close: () => doc.off("update", note),
  };
  return exchange;
};

/** Yjs can read a state vector from an update, too, but nothing else here needs that code. */
const stateVectorOf = (update: Uint8Array): Uint8Array => {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, update);
  return Y.encodeStateVector(doc);
};

const toBase64 = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

const fromBase64 = (text: string): Uint8Array =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
