import type { AccountExport } from "@edvoyage/protocol";
import type { Auth } from "../auth/auth.ts";
import type { CurrentStudent } from "../students/current-student.ts";

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

/** Creates the account of the current student. */
export const createAccount = ({ call }: CurrentStudent, { signOut }: Pick<Auth, "signOut">): OwnAccount => ({
  export: () => call((rpc) => rpc.account.export.query()),
  delete: async () => {
    const erased = await call((rpc) => rpc.account.delete.mutate());
    await signOut({ pending: "discard" });
    return erased;
  },
});
