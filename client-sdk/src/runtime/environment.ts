import type { Problem } from "../students/student-context.ts";
import { systemClock, type Clock } from "./clock.ts";
import type { ClientOptions } from "./client-options.ts";
import { createNewId, systemRandomBytes, type NewId, type RandomBytes } from "./ids.ts";
import type { AppState, Network } from "./network.ts";
import { callListener } from "./observable.ts";
import type { SecureStorage } from "../storage/secrets.ts";
import type { StorageAdapter } from "../storage/storage.ts";

/** What surrounds a client: the device, the network and the platform. Everything has been chosen by now. */
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

/** Where nobody tells of the network. */
const ALWAYS_ONLINE: Network = { isOnline: () => true, subscribe: () => () => {} };

/** Chooses what an app has not. */
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
