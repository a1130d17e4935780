import type { UserId } from "@edvoyage/protocol";

/** Everything that is a student's on the server: `user`, and the other parts by their names. Plain JSON. */
export interface AccountExport {
  readonly exportedAt: number;
  readonly user: { readonly id: UserId; readonly phone: string; readonly createdAt: number };
  readonly [part: string]: unknown;
}

/** A student's account as a whole. Both need the server, and throw `offline` without it. */
export interface OwnAccount {
  /** Throws `rate/limited` while another export of hers is under way. */
  export(): Promise<AccountExport>;
  /**
   * Signs out everywhere, deletes what is on this device, and has the server erase her at `eraseAt`, unless she signs in before.
   * Throws `session/not-fresh` when the sign-in is more than five minutes ago: nothing has happened then.
   */
  delete(): Promise<{ readonly eraseAt: number }>;
}
