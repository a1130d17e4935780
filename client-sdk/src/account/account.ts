import type { UserId } from "@edvoyage/protocol";

/** All data about a student on the server: `user`, and every other part by its name. Plain JSON. */
export interface AccountExport {
  readonly exportedAt: number;
  readonly user: { readonly id: UserId; readonly phone: string; readonly createdAt: number };
  readonly [part: string]: unknown;
}

/** A student's account as a whole. Both methods need the server and throw `offline` without it. */
export interface OwnAccount {
  /** Exports all data. Throws `rate/limited` while another export of the same student is running. */
  export(): Promise<AccountExport>;
  /**
   * Signs the student out everywhere and deletes the data on this device. The server erases the account at `eraseAt`, unless the
   * student signs in before that. Throws `session/not-fresh`, and changes nothing, when the sign-in is more than five minutes ago.
   */
  delete(): Promise<{ readonly eraseAt: number }>;
}
