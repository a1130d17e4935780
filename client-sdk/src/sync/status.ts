import type { AuthStatus } from "../auth/auth-status.ts";
import { isBackground } from "../outbox/command-kinds.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { Durability } from "../storage/storage.ts";
import { derive, watchValue, type Observable, type Unsubscribe } from "../runtime/observable.ts";

/** The state of the synchronization between this device and the server. */
export interface SyncStatus {
  readonly connection: "offline" | "connecting" | "online";
  /**
   * How news reach the device: by themselves over sockets, or, on a network without WebSockets, every 15 seconds by HTTP while
   * something is watched.
   */
  readonly transport: "socket" | "http";
  readonly auth: AuthStatus["state"];
  /** The number of commands and edits that are not on the server's disk yet, without those that the app sends by itself. */
  readonly pending: number;
  /** The number of commands that were refused and that a person has to retry or discard: `outbox.list()` gives the reasons. */
  readonly failed: number;
  /** When the server last answered, by this device's clock; `null` before that. */
  readonly lastSyncedAt: number | null;
  /**
   * Where the data is: on the disk, or only in memory until the app ends. "lost" means that something, such as the browser, has
   * deleted it under the app; nobody is signed in then, until the next sign-in.
   */
  readonly storage: StorageStatus;
}

/** Where the data of this device is. */
export type StorageStatus = Durability | "lost";

/** Observes and controls the synchronization between this device and the server. */
export interface Sync {
  /** A new object after each change. */
  readonly status: SyncStatus;
  /** Calls the listener with the status after each change, not at subscription. */
  onStatus(listener: (status: SyncStatus) => void): Unsubscribe;
  /**
   * Sends everything that waits, and resolves when it is on the server's disk. Throws `outbox/not-empty` if that
   * takes longer than `timeoutMs` (default: 10,000), and `signed-out`.
   */
  flush(options?: { readonly timeoutMs?: number }): Promise<void>;
}

/** The sources of the status. */
export interface SyncSources {
  readonly auth: Observable<AuthStatus>;
  readonly connection: Observable<SyncStatus["connection"]>;
  readonly transport: Observable<SyncStatus["transport"]>;
  /** The number of edits of the user document that are not on the server's disk yet. */
  readonly pendingEdits: Observable<number>;
  readonly entries: Observable<readonly OutboxEntry[]>;
  readonly lastHeardAt: Observable<number | null>;
  readonly storage: Observable<StorageStatus>;
  readonly flush: (options: { readonly timeoutMs: number }) => Promise<void>;
}

const FLUSH_TIMEOUT_MS = 10_000;

/** Combines the sources into one status. */
export const createSync = (sources: SyncSources): Sync => {
  const { auth, connection, transport, pendingEdits, entries, lastHeardAt, storage, flush } = sources;
  const count = (state: OutboxEntry["state"]): number =>
    entries.value.filter((entry) => entry.state === state && !isBackground(entry)).length;
  const status = derive(
    [auth, connection, transport, pendingEdits, entries, lastHeardAt, storage],
    (): SyncStatus => ({
      connection: connection.value,
      transport: transport.value,
      auth: auth.value.state,
      pending: pendingEdits.value + count("pending"),
      failed: count("failed"),
      lastSyncedAt: lastHeardAt.value,
      storage: storage.value,
    }),
  );
  return {
    get status() {
      return status.value;
    },
    onStatus: (listener) => watchValue(status, listener),
    flush: async ({ timeoutMs = FLUSH_TIMEOUT_MS } = {}) => flush({ timeoutMs }),
  };
};
