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

/** The stock provider of one document. It connects only when it is told to. */
export interface DocumentLink {
  readonly state: "closed" | "connecting" | "open";
  readonly isSynced: boolean;
  readonly awareness: Awareness;
  /**
   * Connects with these subprotocols. Call it only while the link is closed. Throws what the platform's socket
   * throws.
   */
  connect(protocols: readonly string[]): void;
  /** Closes the connection without calling `onClosed`. Open barriers continue to wait. */
  drop(): void;
  barrier(): Promise<void>;
  /** Closes the link. Open barriers throw `closed`. */
  close(): void;
}

/** The dependencies of `createDocumentLink`. */
export interface DocumentLinkDeps {
  /** The URL of all documents, such as `wss://…/sync`. */
  readonly url: string;
  readonly name: string;
  readonly doc: Y.Doc;
  readonly WebSocket: typeof WebSocket;
  readonly onOpen: () => void;
  /** Called when everything that the server had has arrived. */
  readonly onSynced: () => void;
  /**
   * Called when the connection is gone, or could not be opened. `code` is the server's close code, if there was one.
   */
  readonly onClosed: (end: { readonly code: number | undefined; readonly wasOpen: boolean }) => void;
  readonly onInboxHint: () => void;
  /** Called for each message of the server. */
  readonly onMessage: () => void;
}

/** Creates the provider, closed. */
export const createDocumentLink = (deps: DocumentLinkDeps): DocumentLink => {
  const { url, name, doc } = deps;
  let isDropping = false;
  const awareness = new Awareness(doc);
  // Awareness starts with an empty state, and would send it to everybody.
  awareness.setLocalState(null);
  const provider = new WebsocketProvider(url, name, doc, {
    connect: false,
    awareness,
    // BroadcastChannel would send a student's edits to every other tab, whoever is signed in there.
    disableBc: true,
    WebSocketPolyfill: deps.WebSocket,
  });
  const barriers = createBarriers((token) => provider.ws?.send(barrierFrame(token)));

  /**
   * A large message of the first sync may take longer than the 30 s of silence after which the provider gives up, also when small
   * ones came before it. The connection has a limit for the first sync.
   */
  const waitForSync = (): void => {
    if (!provider.synced) provider.wsLastMessageReceived = Infinity;
  };

  provider.on("status", ({ status }) => {
    if (status !== "connected") return;
    waitForSync();
    deps.onOpen();
  });
  provider.on("sync", (isSynced) => {
    if (isSynced) callListener(deps.onSynced);
  });
  provider.on("connection-close", (event) => {
    const end = { code: event?.code, wasOpen: provider.wsconnected };
    // Otherwise the provider would reconnect on its own schedule, with the previous key.
    provider.shouldConnect = false;
    barriers.lost();
    if (isDropping) return;
    // Deferred: the provider has not cleared its socket yet, so `connect` would take it for open.
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

  provider.messageHandlers = provider.messageHandlers.map((handle) => (...message) => {
    deps.onMessage();
    handle(...message);
    waitForSync();
  });

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
