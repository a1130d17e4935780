import type { UserId } from "./ids.ts";

/** An irreversible action requires a sign-in that is at most this old, in milliseconds. */
export const FRESH_SIGN_IN_MS = 5 * 60_000;

/** How long after deleting the account the student can restore it by signing in, in milliseconds. Then it is erased. */
export const UNDO_DELETION_MS = 7 * 24 * 3_600_000;

/** A student's own account. */
export interface UserView {
  readonly id: UserId;
  /** E.164. */
  readonly phone: string;
  readonly createdAt: number;
}

/** All data about a student on the server: `user`, and every other part by its name. Plain JSON. */
export interface AccountExport {
  readonly exportedAt: number;
  readonly user: UserView;
  readonly [part: string]: unknown;
}
