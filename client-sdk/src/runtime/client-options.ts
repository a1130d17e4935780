import type { Problem } from "../students/student-context.ts";
import type { AppDescription } from "../auth/auth.ts";
import type { Clock } from "./clock.ts";
import type { RandomBytes } from "./ids.ts";
import type { AppState, Network } from "./network.ts";
import type { SecureStorage } from "../storage/secrets.ts";
import type { StorageAdapter } from "../storage/storage.ts";

/** Makes a socket: the browser's, or `ws` on Node.js before 22. */
export type WebSocketConstructor = new (
  url: string,
  protocols?: string[],
) => Pick<WebSocket, "readyState" | "send" | "close">;

/** What a client is made with. */
export interface ClientOptions extends AppDescription {
  /** Of the server, such as `https://api.example.org`. */
  readonly url: string;
  /** Where the device keeps its data: `createIndexedDbStorage()`, `createExpoSqliteStorage(SQLite)`, … */
  readonly storage: StorageAdapter;
  /** Where keys of sessions are kept, such as a keychain; beside the data unless told. */
  readonly secureStorage?: SecureStorage;
  /** Whether there is a network; unless told, every call finds out for itself. */
  readonly network?: Network;
  /** Whether the app is in the foreground: when it comes there, nothing waits for its next try. */
  readonly appState?: AppState;
  readonly fetch?: typeof fetch;
  readonly WebSocket?: WebSocketConstructor;
  readonly clock?: Clock;
  readonly randomBytes?: RandomBytes;
  /** Deletes a student's data from this device when she or an admin has signed it out elsewhere. Not unless told. */
  readonly wipeWhenRevoked?: boolean;
  /** Told of what went wrong without anybody waiting for it. */
  readonly onProblem?: (problem: Problem) => void;
}
