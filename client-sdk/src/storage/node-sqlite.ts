import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import Sqlite from "better-sqlite3";
import { createStorageAdapter, type Table } from "./adapter.ts";
import { isStoreName } from "./keys.ts";
import {
  keyToBytes,
  parseRow,
  PRAGMAS,
  prefixToBytes,
  SQL,
  sqliteToStorageError,
  SYNCHRONOUS_FULL,
} from "./sql.ts";
import { StorageError, type StorageAdapter } from "./storage.ts";

export interface SqliteStorageOptions {
  /** Made when it is not there, for this user alone. */
  readonly folder: string;
}

const EXTENSION = ".sqlite";
/** What file systems answer that cannot sync folders; there is nothing more to be done on them. */
const NO_FOLDER_SYNC = ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];
/** A file, its write-ahead log, and the log's index. */
const FILES = ["", "-wal", "-shm"];

/**
 * Keeps stores on a computer, for Node.js, each in a SQLite file that other users cannot read. A write resolves when
 * the disk has it: write-ahead log, `synchronous=FULL`. One program at a time has a store: to another one, opening it
 * and deleting it throw `StorageError` ("failed"). However a program ends, the next one may have what it had.
 */
export const createSqliteStorage = ({ folder }: SqliteStorageOptions): StorageAdapter => {
  const pathOf = (name: string): string => join(folder, `${name}${EXTENSION}`);

  return createStorageAdapter({
    open: async (name) => {
      makeFolder(folder);
      return openTable(pathOf(name));
    },
    list: async () =>
      existsSync(folder)
        ? readdirSync(folder)
            .map((file) => (file.endsWith(EXTENSION) ? file.slice(0, -EXTENSION.length) : ""))
            .filter(isStoreName)
        : [],
    delete: async (name) => {
      const path = pathOf(name);
      refuseIfOpen(path);
      for (const suffix of FILES) rmSync(`${path}${suffix}`, { force: true });
      // Until then a power cut may bring the files of a student back who has signed out.
      if (existsSync(folder)) syncFolder(folder);
    },
    toStorageError: sqliteToStorageError,
  });
};

// The SDK has no durable-file.ts of the server's: an app must not bundle that one's database.

/** Makes a folder and the missing ones above it; their names are on the disk, as SQLite sees to the files in it. */
const makeFolder = (path: string): void => {
  const absolute = resolve(path);
  const parent = dirname(absolute);
  if (parent === absolute) return;
  // From the top down, so that a folder that is there has a parent that was synced.
  if (!existsSync(parent)) makeFolder(parent);
  mkdirSync(absolute, { recursive: true, mode: 0o700 });
  try {
    // Also for a folder that was there: who made it may have been killed before this line.
    syncFolder(parent);
  } catch (error) {
    // A parent that this user may pass through and not read.
    if (!hasCode(error, ["EACCES"])) throw error;
  }
};

/** Waits until the names in a folder are on the disk. */
const syncFolder = (path: string): void => {
  // Windows opens no folders; its file systems keep the order of changes by themselves.
  if (process.platform === "win32") return;
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } catch (error) {
    if (!hasCode(error, NO_FOLDER_SYNC)) throw error;
  } finally {
    closeSync(folder);
  }
};

const hasCode = (error: unknown, codes: readonly string[]): boolean =>
  error instanceof Error && "code" in error && typeof error.code === "string" && codes.includes(error.code);

const openTable = (path: string): Table => {
  // SQLite gives the log and its index the mode of the file.
  closeSync(openSync(path, "a", 0o600));
  const connection = connect(path);
  try {
    for (const pragma of PRAGMAS) connection.pragma(pragma);
    connection.exec(SQL.create);
    if (connection.pragma("synchronous", { simple: true }) !== SYNCHRONOUS_FULL) {
      throw new StorageError(
        "failed",
        "SQLite does not run at synchronous=FULL: writes would not be durable",
      );
    }
    return createTable(connection);
  } catch (error) {
    connection.close();
    throw error;
  }
};

const createTable = (connection: Sqlite.Database): Table => {
  const get = connection.prepare(SQL.get);
  const list = connection.prepare(SQL.list);
  const keys = connection.prepare(SQL.keys);
  const put = connection.prepare(SQL.put);
  const remove = connection.prepare(SQL.remove);

  return {
    get: async (key) => {
      const row = get.get(keyToBytes(key));
      return row === undefined ? undefined : parseRow(row).value;
    },
    list: async (prefix) => list.all(...prefixToBytes(prefix)).map(parseRow),
    keys: async (prefix) => keys.all(...prefixToBytes(prefix)).map((row) => parseRow(row).key),
    write: async (changes) => {
      connection.exec(SQL.begin);
      try {
        for (const { key, value } of changes) {
          if (value) put.run(keyToBytes(key), value);
          else remove.run(keyToBytes(key));
        }
        connection.exec(SQL.commit);
      } catch (error) {
        // On some errors SQLite has rolled back itself.
        if (connection.inTransaction) connection.exec(SQL.rollback);
        throw error;
      }
    },
    purge: async () => void connection.exec(SQL.purge),
    close: async () => void connection.close(),
  };
};

/** A connection that shares its file with no other, from the first time that it reads. */
const connect = (path: string): Sqlite.Database => {
  // Whoever has it keeps it: waiting would only hold up this program.
  const connection = new Sqlite(path, { timeout: 0 });
  connection.pragma("locking_mode = exclusive");
  return connection;
};

/** Files that another program has open must stay: it would go on writing, and lose all of it. */
const refuseIfOpen = (path: string): void => {
  if (!existsSync(path)) return;
  const connection = connect(path);
  try {
    connection.exec("begin exclusive");
  } catch (error) {
    // What is no database, or on a full disk, can be deleted all the same.
    if (error instanceof Sqlite.SqliteError && error.code.startsWith("SQLITE_BUSY")) throw error;
  } finally {
    connection.close();
  }
};
