/** How long ago the sign-in may be that what cannot be taken back asks for, in milliseconds. */
export const FRESH_SIGN_IN_MS = 5 * 60_000;

/** How long a student who deletes her account may come back by signing in, in milliseconds. Then she is erased. */
export const UNDO_DELETION_MS = 7 * 24 * 3_600_000;
