/** An irreversible action requires a sign-in that is at most this old, in milliseconds. */
export const FRESH_SIGN_IN_MS = 5 * 60_000;

/** How long after deleting the account the student can restore it by signing in, in milliseconds. Then it is erased. */
export const UNDO_DELETION_MS = 7 * 24 * 3_600_000;
