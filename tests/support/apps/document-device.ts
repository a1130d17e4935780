import {
  createCurrent,
  createFavourites,
  createMemoryStorage,
  createNewId,
  createOutbox,
  createRecords,
  createSettings,
  createSockets,
  createSubject,
  createUserDocument,
  systemRandomBytes,
  type Favourites,
  type MemoryStorage,
  type Outbox,
  type Problem,
  type RandomBytes,
  type Records,
  type Settings,
  type Sockets,
  type UserDocument,
} from "@edvoyage/client-sdk/testing";
import type { UserId } from "@edvoyage/protocol";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { createSdkClock, type SdkClock } from "../fakes/sdk-clock.ts";

export interface DocumentDeviceOptions {
  /** The address of the server, or of the tunnel to it. */
  readonly url: string;
  readonly userId: UserId;
  readonly token: string;
  readonly storage?: MemoryStorage;
  readonly clock?: SdkClock;
  readonly randomBytes?: RandomBytes;
  readonly isOnline?: boolean;
  /** Wraps the writes of the SDK to its disk. */
  readonly write?: (write: Records["write"]) => Records["write"];
  /** Whether this is one of several tabs on the same storage. */
  readonly isTab?: boolean;
}

/** A student's document on one device, stored in memory. */
export interface DocumentDevice {
  readonly document: UserDocument;
  readonly favourites: Favourites;
  readonly settings: Settings;
  readonly outbox: Outbox;
  readonly sockets: Sockets;
  readonly records: Records;
  readonly storage: MemoryStorage;
  readonly clock: SdkClock;
  readonly problems: readonly Problem[];
  /** How often the device was told that it has no session. */
  readonly noSessions: number;
  readonly keys: (prefix: string) => Promise<readonly string[]>;
  /** Connects, with a new key if one is given. Also allows connections again on a device that was started offline. */
  connect(token?: string): void;
  /** Stops the device and starts it again on the same storage. */
  restart(options?: Partial<DocumentDeviceOptions>): Promise<DocumentDevice>;
  /** Stops the device without waiting for anything unsent. */
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

  const student = createCurrent(createSubject({ document }));

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
    favourites: createFavourites(student, { clock }),
    settings: createSettings(student),
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
