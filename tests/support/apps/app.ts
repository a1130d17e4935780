import {
  createClient,
  createMemoryStorage,
  type Client,
  type ClientOptions,
  type MemoryStorage,
  type StorageAdapter,
} from "@edvoyage/client-sdk";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { somePhone } from "../students/phone.ts";
import { createSdkClock, type SdkClock } from "../fakes/sdk-clock.ts";
import { urlOf } from "../network/url.ts";
import type { World } from "../servers/world.ts";

/** The app on one phone. It can lose its network, be closed and be opened again. */
export interface App {
  readonly client: Client;
  readonly storage: MemoryStorage;
  readonly clock: SdkClock;
  /** Takes the network away or gives it back. Without a network, calls fail and sockets do not open. */
  setOnline(isOnline: boolean): void;
  /** URLs that `fetch` was called with, in order. */
  readonly requests: string[];
  /** Requests a code, reads it from the SMS and verifies it. Returns the phone number. */
  signIn(phone?: string): Promise<string>;
  /** Closes the app and opens it again on the same storage. */
  restart(options?: AppOptions): Promise<App>;
}

/** Port 9 is IANA's discard port; nothing listens on it. */
const UNREACHABLE = "ws://127.0.0.1:9";

export interface AppOptions extends Partial<Omit<ClientOptions, "storage" | "clock">> {
  readonly storage?: MemoryStorage;
  /** Used instead of `storage`, to make storage fail. */
  readonly disk?: StorageAdapter;
  readonly clock?: SdkClock;
  /** Whether to wait until the client is ready. Default: true. */
  readonly isReady?: boolean;
}

export const createApp = async (
  world: Pick<World, "url" | "sms">,
  options: AppOptions = {},
): Promise<App> => {
  const {
    storage = createMemoryStorage(),
    clock = createSdkClock(),
    disk = storage,
    isReady = true,
    ...rest
  } = options;
  const requests: string[] = [];
  const listeners = new Set<() => void>();
  const sockets = new Set<WebSocket>();
  let isOnline = true;
  const client = createClient({
    url: world.url,
    WebSocket: class extends WebSocket {
      constructor(address: string, protocols?: string[]) {
        super(isOnline ? address : UNREACHABLE, protocols);
        sockets.add(this);
      }
    },
    network: {
      isOnline: () => isOnline,
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    fetch: async (input, init) => {
      if (!isOnline) throw new TypeError("fetch failed");
      requests.push(urlOf(input));
      return fetch(input, init);
    },
    onProblem: (problem) => {
      throw new Error(problem.message, { cause: problem.cause });
    },
    ...rest,
    storage: disk,
    clock,
  });
  onTestFinished(() => client.close());
  if (isReady) await client.ready();
  const app: App = {
    client,
    storage,
    clock,
    requests,
    setOnline: (next) => {
      isOnline = next;
      if (!next) for (const socket of sockets) socket.terminate();
      for (const listener of listeners) listener();
    },
    signIn: async (phone = somePhone()) => {
      await client.auth.requestCode(phone);
      const code = world.sms.findLast(({ to }) => to === phone)?.code ?? "";
      await client.auth.verifyCode(code);
      return phone;
    },
    restart: async (changed = {}) => {
      await client.close();
      return createApp(world, { ...options, ...changed, storage, clock });
    },
  };
  return app;
};
