import { systemClock, type Clock } from "./clock.ts";
import type { ClientOptions } from "./client-options.ts";
import { createNewId, systemRandomBytes, type NewId, type RandomBytes } from "./ids.ts";
import { EdVoyageError } from "./errors.ts";
import type { AppState, Network } from "./network.ts";
import { callListener } from "./observable.ts";
import type { Problem } from "./problem.ts";
import type { SecureStorage } from "../storage/secrets.ts";
import type { StorageAdapter } from "../storage/storage.ts";

/** The device, network and platform of a client, with all defaults filled in. */
export interface ClientEnvironment {
  readonly url: string;
  readonly storage: StorageAdapter;
  readonly secureStorage: SecureStorage | undefined;
  readonly network: Network;
  readonly appState: AppState | undefined;
  readonly fetch: typeof fetch | undefined;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly newId: NewId;
  readonly report: (problem: Problem) => void;
}

/** The default for an app that reports no network state. */
const ALWAYS_ONLINE: Network = { isOnline: () => true, subscribe: () => () => {} };

const BASE_URL = /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/;

/** Fills in the options that an app has left out. Throws `input/invalid` for a `url` or a `storage` that cannot work. */
export const optionsToEnvironment = (options: ClientOptions): ClientEnvironment => {
  if (!isBaseUrl(options.url))
    throw createOptionError(
      "url",
      "The base URL of the server, such as https://api.example.org, is required.",
    );
  // Apps in JavaScript have no compiler that asks for it.
  const { storage }: { readonly storage?: StorageAdapter } = options;
  if (typeof storage?.open !== "function") throw createOptionError("storage", "A storage is required.");
  const { clock = systemClock, randomBytes = systemRandomBytes, network = ALWAYS_ONLINE } = options;
  return {
    url: options.url,
    storage,
    secureStorage: options.secureStorage,
    network,
    appState: options.appState,
    fetch: options.fetch,
    clock,
    randomBytes,
    newId: createNewId({ clock, randomBytes }),
    report: (problem) => callListener(() => options.onProblem?.(problem)),
  };
};

/** Checks what the platform or the options have to provide. `ready()` calls it, because a client may be created where it never opens. */
export const assertPlatform = (
  options: ClientOptions,
  { needsWebSocket }: { readonly needsWebSocket: boolean },
): void => {
  const platform: Partial<typeof globalThis> = globalThis;
  const provided = {
    fetch: options.fetch ?? platform.fetch,
    ...(needsWebSocket ? { WebSocket: options.WebSocket ?? platform.WebSocket } : {}),
    randomBytes: options.randomBytes ?? platform.crypto?.getRandomValues,
  };
  for (const [name, value] of Object.entries(provided))
    if (!value) throw createOptionError(name, `Missing on this platform: pass \`${name}\`.`);
};

const isBaseUrl = (url: unknown): boolean => {
  if (typeof url !== "string" || !BASE_URL.test(url)) return false;
  try {
    // Finds what the pattern does not, such as a port that is too high. On React Native it finds nothing.
    return Boolean(new URL(url));
  } catch {
    return false;
  }
};

const createOptionError = (path: string, message: string): EdVoyageError =>
  new EdVoyageError("input/invalid", message, { details: { issues: [{ path, message }] } });
