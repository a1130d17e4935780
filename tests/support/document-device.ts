import {
  createFavourites,
  createMemoryStorage,
  createNewId,
  createOutbox,
  createRecords,
  createSettings,
  createSockets,
  createUserDocument,
  systemRandomBytes,
  type FavouritesService,
  type MemoryStorage,
  type Outbox,
  type Problem,
  type RandomBytes,
  type Records,
  type SettingsService,
  type Sockets,
  type UserDocument,
} from "@edvoyage/client-sdk/testing";
import type { UserId } from "@edvoyage/protocol";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { createSdkClock, type SdkClock } from "./sdk-clock.ts";

export interface DocumentDeviceOptions {
  /** Of the server, or of the tunnel to it. */
  readonly url: string;
  readonly userId: UserId;
  readonly token: string;
  readonly storage?: MemoryStorage;
  readonly clock?: SdkClock;
  readonly randomBytes?: RandomBytes;
  readonly isOnline?: boolean;
  /** Comes between the SDK and its disk. */
  readonly write?: (write: Records["write"]) => Records["write"];
  /** As one of several tabs on the same storage. */
  readonly isTab?: boolean;
}

/** What a student's device does with her document, over a store in memory. */
export interface DocumentDevice {
  readonly document: UserDocument;
  readonly favourites: FavouritesService;
  readonly settings: SettingsService;
  readonly outbox: Outbox;
  readonly sockets: Sockets;
  readonly records: Records;
  readonly storage: MemoryStorage;
  readonly clock: SdkClock;
  readonly problems: readonly Problem[];
  /** How often it was told that there is no session. */
  readonly noSessions: number;
  readonly keys: (prefix: string) => Promise<readonly string[]>;
  /** Lets it connect, or ends its connections for good. */
  connect(token?: string): void;
  /** Ends it as it is, and starts it again on the same storage. */
  restart(options?: Partial<DocumentDeviceOptions>): Promise<DocumentDevice>;
  /** Ends it as it is. */
  stop(): Promise<void>;
}

export const createDocumentDevice = async (options: DocumentDeviceOptions): Promise<DocumentDevice> => {
  const {
    storage = createMemoryStorage(),
    clock = createSdkClock(),
    randomBytes = systemRandomBytes,
    isTab = false,
  } = options;
  const problems: Problem[] = [];
  const report = (problem: Problem): void => void problems.push(problem);
  const store = createRecords(await storage.open("student"), { onDamaged: () => {} });
  const write = (options.write ?? ((wrapped) => wrapped))((changes) => store.write(changes));
  const records: Records = { ...store, write };
  const newId = createNewId({ clock, randomBytes });
  const peers = isTab ? { name: "student", peers: storage.peers } : undefined;
  let noSessions = 0;
  let token = options.token;
  let isOnline = options.isOnline ?? true;

  const outbox = await createOutbox({
    records,
    clock,
    randomBytes,
    newId,
    send: async () => {},
    canSend: () => false,
    onFault: (cause) => report({ kind: "fault", message: "outbox", cause }),
    peers,
  });
  const sockets = createSockets({
    url: options.url,
    // Its type is the browser's; Node's has the same methods.
    WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
    token: () => token,
    canConnect: () => isOnline,
    onNoSession: () => void (noSessions += 1),
    clock,
    randomBytes,
    report,
  });
  const document = await createUserDocument({
    userId: options.userId,
    records,
    outbox,
    clock,
    randomBytes,
    newId,
    report,
    peers,
    sockets,
  });

  const stop = async (): Promise<void> => {
    const closed = document.close();
    outbox.close();
    sockets.close();
    await closed;
    await store.close();
  };
  onTestFinished(stop);
  return {
    document,
    favourites: createFavourites(document, { clock }),
    settings: createSettings(document),
    outbox,
    sockets,
    records,
    storage,
    clock,
    problems,
    get noSessions() {
      return noSessions;
    },
    keys: (prefix) => store.keys(prefix),
    connect: (nextToken) => {
      token = nextToken ?? token;
      isOnline = true;
      sockets.wake();
    },
    restart: async (changed = {}) => {
      await stop();
      return createDocumentDevice({ ...options, storage, clock, isOnline, token, ...changed });
    },
    stop,
  };
};
