import { rangeOfPrefix } from "./keys.ts";
import { StorageError, type StoredRecord } from "./storage.ts";

/**
 * The SQL of the SQLite adapters: one table of records. A key is stored as its UTF-16 code units, high byte first.
 * SQLite compares blobs byte by byte, which gives the order that a store promises, and no driver alters a blob.
 */
export const SQL = {
  create: "create table if not exists records (key blob primary key, value blob not null)",
  get: "select key, value from records where key = ifnull(?, x'')",
  list: "select key, value from records where key >= ifnull(?, x'') and key < ? order by key",
  keys: "select key from records where key >= ifnull(?, x'') and key < ? order by key",
  // Expo's driver for iOS binds an empty blob as null.
  put: "insert or replace into records (key, value) values (ifnull(?, x''), ifnull(?, x''))",
  remove: "delete from records where key = ifnull(?, x'')",
  begin: "begin immediate",
  commit: "commit",
  rollback: "rollback",
  // The write-ahead log keeps old versions of records until it is overwritten.
  purge: "pragma wal_checkpoint(truncate)",
} as const;

/** Set on each connection when it is opened. */
export const PRAGMAS = [
  "journal_mode = wal",
  // After WAL, because some builds then switch to NORMAL, which loses acknowledged writes when the power fails.
  "synchronous = full",
  // Apple's disks acknowledge a plain fsync before they have written the data.
  "fullfsync = on",
  "checkpoint_fullfsync = on",
  "secure_delete = on",
] as const;

/** Returns the version of a database's schema; a newer version of this package will write a higher one than 0. */
export const VERSION_QUERY = "pragma user_version";

/** Throws `StorageError` ("newer") if a newer version of the app has written the database. Run it before anything else. */
export const refuseNewer = (version: unknown): void => {
  if (version === 0) return;
  throw new StorageError("newer", "A newer version of the app has upgraded the store");
};

/** The result of `pragma synchronous` when each commit is on the disk before it is acknowledged. */
export const SYNCHRONOUS_FULL = 2;

const BYTES_PER_CODE_UNIT = 2;

/** Returns a key as the table stores it. */
export const keyToBytes = (key: string): Uint8Array => {
  const bytes = new Uint8Array(key.length * BYTES_PER_CODE_UNIT);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < key.length; index += 1) {
    view.setUint16(index * BYTES_PER_CODE_UNIT, key.charCodeAt(index));
  }
  return bytes;
};

/** Returns the parameters of `SQL.list` and `SQL.keys`. */
export const prefixToBytes = (prefix: string): [from: Uint8Array, before: Uint8Array] => {
  const { from, before } = rangeOfPrefix(prefix);
  return [keyToBytes(from), keyToBytes(before)];
};

/** Parses a row, with or without a value. Throws `StorageError` ("failed") on anything else. */
export const parseRow = (row: unknown): StoredRecord => {
  const { key, value = new Uint8Array() } = row as Readonly<Record<string, unknown>>;
  if (key instanceof Uint8Array && value instanceof Uint8Array) {
    return { key: bytesToKey(key), value: new Uint8Array(value) };
  }
  throw new StorageError("failed", "A row is not a record");
};

const bytesToKey = (bytes: Uint8Array): string => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const units = Array.from({ length: bytes.byteLength / BYTES_PER_CODE_UNIT }, (_none, index) =>
    view.getUint16(index * BYTES_PER_CODE_UNIT),
  );
  return String.fromCharCode(...units);
};

/**
 * Translates an error by SQLite's own message, which every driver passes on. Their error codes differ, or get lost.
 * Returns `undefined` for any other error.
 */
export const sqliteToStorageError = (error: unknown): StorageError | undefined => {
  const message = error instanceof Error ? error.message : "";
  if (message.includes("database or disk is full") || message.includes("ENOSPC")) {
    return new StorageError("full", "The device has no room", { cause: error });
  }
  if (message.includes("database is locked")) {
    return new StorageError("failed", "Another program has the store open", { cause: error });
  }
  return undefined;
};
