import type { AuthStatus } from "../auth/auth-status.ts";
import type { Unsubscribe } from "../runtime/observable.ts";

/** The state of the synchronization between this device and the server. */
export interface SyncStatus {
  readonly connection: "offline" | "connecting" | "online";
  readonly auth: AuthStatus["state"];
  /** The number of commands and edits that are not on the server's disk yet. */
  readonly pending: number;
  /** The number of commands that the server refused: `outbox.list()` gives the reasons. */
  readonly failed: number;
  /** When the server last answered, by this device's clock; `null` before that. */
  readonly lastSyncedAt: number | null;
}

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
