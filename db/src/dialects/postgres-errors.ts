import { StorageError } from "../storage-error.ts";

/** The SQLSTATE of an error of PostgreSQL, also when it is translated already; empty for anything else. */
const sqlStateOf = (error: unknown): string => {
  const cause = error instanceof StorageError ? error.cause : error;
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
};

/** Serialisation failure and deadlock: https://www.postgresql.org/docs/15/mvcc-serialization-failure-handling.html */
const SERIALISATION_FAILURE = /^40(001|P01)$/;

/**
 * Codes after which a session is over or of no more use (https://www.postgresql.org/docs/15/errcodes-appendix.html): class 08
 * connection; 57P01 to 57P05 shutdowns, a database that was dropped and a session that idled; 25P03 and 25P04 transactions that
 * took too long; 25006 a server that only reads, as the former primary after a failover.
 */
const SESSION_IS_OVER = /^(08...|57P0.|25P0[34]|25006)$/;

/** Class 53 resources, class 57 operator intervention such as a statement that was cancelled, and class 58 the system. */
const CANNOT_SERVE = /^5[378]/;

const DISK_FULL = "53100";

/** Whether running the unit again can succeed where this error ended it, on the same connection. */
export const isSerialisationFailure = (error: unknown): boolean =>
  SERIALISATION_FAILURE.test(sqlStateOf(error));

/** Whether the server ends the session with this error. */
export const endsSession = (error: unknown): boolean => SESSION_IS_OVER.test(sqlStateOf(error));

/** Translates what happened to a connection, or while there was none yet. */
export const unavailable = (error: unknown): unknown => {
  const translated = translateError(error);
  if (translated instanceof StorageError) return translated;
  return new StorageError("unavailable", "The database cannot be reached", { cause: error });
};

/** Translates what a caller can act on into `StorageError`; anything else, as a violated constraint, stays as it is. */
export const translateError = (error: unknown): unknown => {
  if (error instanceof StorageError) return error;
  const code = sqlStateOf(error);
  if (code === DISK_FULL) return new StorageError("full", "The disk is full", { cause: error });
  if (SESSION_IS_OVER.test(code) || CANNOT_SERVE.test(code))
    return new StorageError("unavailable", "The database cannot be reached", { cause: error });
  if (SERIALISATION_FAILURE.test(code))
    return new StorageError("unavailable", "The database is too busy", { cause: error });
  return error;
};
