import { CLOSE_CODES } from "@edvoyage/protocol";
import type * as Y from "yjs";
import type { Clock } from "../runtime/clock.ts";
import { EdVoyageError } from "../runtime/errors.ts";
import type { RandomBytes } from "../runtime/ids.ts";
import { createDoc } from "./create-doc.ts";
import type { Sockets } from "./sockets.ts";

/** How long a document may take to come, in milliseconds. */
const PATIENCE_MS = 10_000;

/** Fetches what a document has now, and nothing that comes later. Throws `offline`, `closed`, and `forbidden` for one that is not hers. */
export const fetchDoc = (
  name: string,
  {
    sockets,
    clock,
    randomBytes,
    over,
  }: {
    readonly sockets: Sockets;
    readonly clock: Clock;
    readonly randomBytes: RandomBytes;
    /** Aborted when nobody waits for it any more. */
    readonly over: AbortSignal;
  },
): Promise<Y.Doc> =>
  new Promise((resolve, reject) => {
    const doc = createDoc(randomBytes);
    const end = (settle: () => void): void => {
      cancel();
      unsubscribe();
      over.removeEventListener("abort", stop);
      socket.close();
      settle();
    };
    const fail = (error: EdVoyageError): void => end(() => reject(error));
    const giveUp = (): void => fail(new EdVoyageError("offline", "The server was not reached."));
    const socket = sockets.open(name, doc, {
      onSynced: () => end(() => resolve(doc)),
      onRefused: (code) =>
        code === CLOSE_CODES.forbidden
          ? fail(new EdVoyageError("forbidden", "This is not hers to read."))
          : giveUp(),
    });
    const stop = (): void => fail(new EdVoyageError("closed", "The room was closed."));
    const giveUpOffline = (): void => {
      if (sockets.state.value === "offline") giveUp();
    };
    const cancel = clock.after(PATIENCE_MS, giveUp);
    over.addEventListener("abort", stop);
    const unsubscribe = sockets.state.subscribe(giveUpOffline);
    giveUpOffline();
  });
