import { CLOSE_CODES } from "@edvoyage/protocol";
import type * as Y from "yjs";
import type { Clock } from "../runtime/clock.ts";
import { EdVoyageError } from "../runtime/errors.ts";
import type { RandomBytes } from "../runtime/ids.ts";
import { createDoc } from "./create-doc.ts";
import type { Sockets } from "./sockets.ts";

/** How long to wait for a document: a full segment takes 16 s at 4 kB/s. */
const FETCH_TIMEOUT_MS = 30_000;

/**
 * Fetches the current state of a document, without later updates. Throws `offline`, `closed`, and `forbidden` if the
 * student may not read it.
 */
export const fetchDoc = (
  name: string,
  {
    sockets,
    clock,
    randomBytes,
    signal,
  }: {
    readonly sockets: Sockets;
    readonly clock: Clock;
    readonly randomBytes: RandomBytes;
    /** Aborted when nobody waits for the document any more. */
    readonly signal: AbortSignal;
  },
): Promise<Y.Doc> =>
  new Promise((resolve, reject) => {
    const doc = createDoc(randomBytes);
    const end = (settle: () => void): void => {
      cancel();
      unsubscribe();
      signal.removeEventListener("abort", stop);
      socket.close();
      settle();
    };
    const fail = (error: EdVoyageError): void => end(() => reject(error));
    const giveUp = (): void => fail(new EdVoyageError("offline", "The server was not reached."));
    const socket = sockets.open(name, doc, {
      onSynced: () => end(() => resolve(doc)),
      onRefused: (code) =>
        code === CLOSE_CODES.forbidden
          ? fail(new EdVoyageError("forbidden", "The student may not read this document."))
          : giveUp(),
    });
    const stop = (): void => fail(new EdVoyageError("closed", "The room was closed."));
    const giveUpOffline = (): void => {
      if (sockets.state.value === "offline" || sockets.transport.value === "http") giveUp();
    };
    const cancel = clock.after(FETCH_TIMEOUT_MS, giveUp);
    signal.addEventListener("abort", stop);
    const unsubscribe = sockets.state.subscribe(giveUpOffline);
    giveUpOffline();
  });
