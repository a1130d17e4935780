import { MESSAGE_TYPES } from "@edvoyage/protocol";
import { createDecoder, peekVarUint, readVarUint, readVarUint8Array } from "lib0/decoding";
import { encode, writeVarUint, writeVarUint8Array } from "lib0/encoding";
import { Awareness } from "y-protocols/awareness";
import { messageYjsSyncStep1 } from "y-protocols/sync";
import { WebsocketProvider } from "y-websocket";
import type * as Y from "yjs";
import { EdVoyageError } from "../runtime/errors.ts";
import { callListener } from "../runtime/observable.ts";
import { createBarriers } from "./barriers.ts";

/** The stock provider of one document, which connects when it is told to and at no other time. */
export interface DocumentLink {
  readonly state: "closed" | "connecting" | "open";
  readonly isSynced: boolean;
  readonly awareness: Awareness;
  /** Connects with these subprotocols; to be called when it is closed. Throws what the platform's socket throws. */
  connect(protocols: readonly string[]): void;
  /** Closes the connection without a word to `onClosed`; what waits for a barrier waits on. */
  drop(): void;
  barrier(): Promise<void>;
  /** Gives up what waits for a barrier. */
  close(): void;
}

export interface DocumentLinkDeps {
  /** Of all documents, as `wss://…/sync`. */
  readonly url: string;
  readonly name: string;
  readonly doc: Y.Doc;
  readonly WebSocket: typeof WebSocket;
  readonly onOpen: () => void;
  /** All that the server had is here. */
  readonly onSynced: () => void;
  /** The connection is gone, or there was none; `code` is what the server closed it with, if it said one. */
  readonly onClosed: (end: { readonly code: number | undefined; readonly wasOpen: boolean }) => void;
  readonly onInboxHint: () => void;
}

/** Makes the provider; it is closed. */
export const createDocumentLink = (deps: DocumentLinkDeps): DocumentLink => {
  const { url, name, doc } = deps;
  let isDropping = false;
  const awareness = new Awareness(doc);
  // It begins with a state that says nothing, and would tell it to everybody.
  awareness.setLocalState(null);
  const provider = new WebsocketProvider(url, name, doc, {
    connect: false,
    awareness,
    // It would say a student's edits to every other tab, whoever is signed in there.
    disableBc: true,
    WebSocketPolyfill: deps.WebSocket,
  });
  const barriers = createBarriers((token) => provider.ws?.send(barrierFrame(token)));

  provider.on("status", ({ status }) => {
    if (status === "connected") deps.onOpen();
  });
  provider.on("sync", (isSynced) => {
    if (isSynced) callListener(deps.onSynced);
  });
  provider.on("connection-close", (event) => {
    const end = { code: event?.code, wasOpen: provider.wsconnected };
    // It would connect again by its own clock, and with the key of last time.
    provider.shouldConnect = false;
    barriers.lost();
    if (isDropping) return;
    // It is still about to forget the socket: a call of `connect` would find it open.
    queueMicrotask(() => deps.onClosed(end));
  });

  const handleSync = provider.messageHandlers[MESSAGE_TYPES.sync];
  provider.messageHandlers[MESSAGE_TYPES.sync] = (encoder, decoder, ...rest) => {
    const isStepOne = peekVarUint(decoder) === messageYjsSyncStep1;
    handleSync?.(encoder, decoder, ...rest);
    if (isStepOne) barriers.answered();
  };
  provider.messageHandlers[MESSAGE_TYPES.barrier] = (_encoder, decoder) =>
    barriers.returned(readVarUint(createDecoder(readVarUint8Array(decoder))));
  provider.messageHandlers[MESSAGE_TYPES.inbox] = () => callListener(deps.onInboxHint);

  const drop = (): void => {
    isDropping = true;
    provider.disconnect();
    isDropping = false;
  };

  return {
    get state() {
      if (provider.wsconnected) return "open";
      return provider.ws ? "connecting" : "closed";
    },
    get isSynced() {
      return provider.synced;
    },
    awareness,
    connect: (protocols) => {
      provider.protocols = [...protocols];
      provider.connect();
    },
    drop,
    barrier: () => barriers.wait(),
    close: () => {
      drop();
      provider.destroy();
      awareness.destroy();
      barriers.close(new EdVoyageError("closed", "The document was closed."));
    },
  };
};

const barrierFrame = (token: number): Uint8Array<ArrayBuffer> =>
  encode((encoder) => {
    writeVarUint(encoder, MESSAGE_TYPES.barrier);
    writeVarUint8Array(
      encoder,
      encode((inner) => writeVarUint(inner, token)),
    );
  });
