import { systemClock, type Clock } from "./clock.ts";
import type { ClientOptions } from "./client-options.ts";
import { createNewId, systemRandomBytes, type NewId, type RandomBytes } from "./ids.ts";
import { createOptionError } from "./valid-input.ts";
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
    throw createOptionError("url", "Give a base URL, such as https://api.example.org.");
  // Apps in JavaScript have no compiler that asks for it.
  const { storage }: { readonly storage?: StorageAdapter } = options;
  if (typeof storage?.open !== "function") throw createOptionError("storage", "Give a storage.");
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

/** The platform finds what the pattern does not, such as a port that is too high. React Native has no `canParse`. */
const isBaseUrl = (url: unknown): boolean =>
  typeof url === "string" && BASE_URL.test(url) && URL.canParse?.(url) !== false;
