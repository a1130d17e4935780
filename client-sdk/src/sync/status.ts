import type { AuthStatus } from "../auth/auth-status.ts";
import type { Unsubscribe } from "../runtime/observable.ts";

/** How things stand between this device and the server. */
export interface SyncStatus {
  readonly connection: "offline" | "connecting" | "online";
  readonly auth: AuthStatus["state"];
  /** What was written here and is not on the server's disk yet: commands and edits. */
  readonly pending: number;
  /** Commands that the server will not take: `outbox.list()` says why. */
  readonly failed: number;
  /** When the server was last heard of, by this device's clock; `null` before that. */
  readonly lastSyncedAt: number | null;
}

/** What goes on between this device and the server. */
export interface Sync {
  /** A new object when something changes. */
  readonly status: SyncStatus;
  /** Calls with the status after each change, not at once. */
  onStatus(listener: (status: SyncStatus) => void): Unsubscribe;
  /**
   * Sends what waits, and resolves when all of it is on the server's disk. Throws `outbox/not-empty` when that takes longer than
   * `timeoutMs` (10,000 unless told), and `signed-out`.
   */
  flush(options?: { readonly timeoutMs?: number }): Promise<void>;
}
