import type { AccountExport } from "@edvoyage/protocol";

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
