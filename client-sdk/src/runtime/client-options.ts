import type { AppDescription } from "@edvoyage/protocol";
import type { InputChecks } from "./valid-input.ts";
import type { Clock } from "./clock.ts";
import type { RandomBytes } from "./ids.ts";
import type { AppState, Network } from "./network.ts";
import type { Problem } from "./problem.ts";
import type { SecureStorage } from "../storage/secrets.ts";
import type { StorageAdapter } from "../storage/storage.ts";

/** Opens a socket: the browser's `WebSocket`, or `ws` on Node.js before 22. */
export type WebSocketConstructor = new (
  url: string,
  protocols?: string[],
) => Pick<WebSocket, "readyState" | "send" | "close">;

/** The options of a client. */
export interface ClientOptions extends AppDescription {
  /** The base URL of the server, such as `https://api.example.org`. */
  readonly url: string;
  /** The storage for the device's data: `createIndexedDbStorage()`, `createExpoSqliteStorage(SQLite)`, … */
  readonly storage: StorageAdapter;
  /** The storage for session keys, such as a keychain. Default: `storage`. */
  readonly secureStorage?: SecureStorage;
  /** Reports whether there is a network. Default: every call finds out by trying. */
  readonly network?: Network;
  /** Reports whether the app is in the foreground. When it comes there, waiting retries start immediately. */
  readonly appState?: AppState;
  /** Sends requests. Default: the platform's. */
  readonly fetch?: typeof fetch;
  /** Opens sockets. Default: the platform's; Node.js before 22 has none, so pass `ws`. */
  readonly WebSocket?: WebSocketConstructor;
  /** Tells the time and sets timers. Default: the platform's. */
  readonly clock?: Clock;
  /** Makes ids and delays unpredictable. Default: `crypto.getRandomValues`. */
  readonly randomBytes?: RandomBytes;
  /** Deletes a student's data from this device when the student or an admin ends the session elsewhere. Default: `false`. */
  readonly wipeWhenRevoked?: boolean;
  /**
   * Loads checks of inputs, so that the device rejects at once what the server would reject. `ready()` loads them in the background;
   * an app that loads none, or cannot load them, learns from the server. Default: `inputChecks` for `createClient`; for
   * `createCoreClient` those of the chosen areas.
   */
  readonly checks?: InputChecks;
  /** Called for background failures that no caller waits for. */
  readonly onProblem?: (problem: Problem) => void;
}
