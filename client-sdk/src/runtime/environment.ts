import { systemClock, type Clock } from "./clock.ts";
import type { ClientOptions } from "./client-options.ts";
import { createNewId, systemRandomBytes, type NewId, type RandomBytes } from "./ids.ts";
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

/** Fills in the options that an app has left out. */
export const optionsToEnvironment = (options: ClientOptions): ClientEnvironment => {
  const { clock = systemClock, randomBytes = systemRandomBytes, network = ALWAYS_ONLINE } = options;
  return {
    url: options.url,
    storage: options.storage,
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
