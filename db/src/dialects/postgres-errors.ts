import { StorageError } from "../storage-error.ts";

/** Returns the SQLSTATE of a PostgreSQL error, also of an already translated one; otherwise an empty text. */
const sqlStateOf = (error: unknown): string => {
  const cause = error instanceof StorageError ? error.cause : error;
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
};

/** Serialisation failure and deadlock: https://www.postgresql.org/docs/15/mvcc-serialization-failure-handling.html */
const SERIALISATION_FAILURE = /^40(001|P01)$/;

/**
 * Codes after which a session has ended or cannot be used any more
 * (https://www.postgresql.org/docs/15/errcodes-appendix.html): class 08 connection errors; 57P01 to 57P05 shutdown, dropped
 * database and idle session; 25P03 and 25P04 transactions that took too long; 25006 a read-only server, such as the former
 * primary after a failover.
 */
const SESSION_IS_OVER = /^(08...|57P0.|25P0[34]|25006)$/;

/** Class 53: resources. Class 57: operator intervention, such as a cancelled statement. Class 58: system errors. */
const CANNOT_SERVE = /^5[378]/;

const DISK_FULL = "53100";

/** Whether the unit may succeed when it runs again on the same connection. */
export const isSerialisationFailure = (error: unknown): boolean =>
  SERIALISATION_FAILURE.test(sqlStateOf(error));

/** Whether the server ends the session with this error. */
export const endsSession = (error: unknown): boolean => SESSION_IS_OVER.test(sqlStateOf(error));

/** Translates an error of a connection, or of an attempt to connect. */
export const unavailable = (error: unknown): unknown => {
  const translated = translateError(error);
  if (translated instanceof StorageError) return translated;
  return new StorageError("unavailable", "The database cannot be reached", { cause: error });
};

/**
 * Translates errors that a caller can act on to `StorageError`; returns others, such as a violated constraint,
 * unchanged.
 */
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
