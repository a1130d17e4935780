import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import Sqlite from "better-sqlite3";
import { createStorageAdapter, type Table } from "./adapter.ts";
import { isStoreName } from "./keys.ts";
import {
  keyToBytes,
  parseRow,
  PRAGMAS,
  prefixToBytes,
  refuseNewer,
  SQL,
  sqliteToStorageError,
  SYNCHRONOUS_FULL,
  VERSION_QUERY,
} from "./sql.ts";
import { StorageError, type StorageAdapter } from "./storage.ts";

/** Where Node.js keeps the stores. */
export interface SqliteStorageOptions {
  /** Created if it does not exist, readable only by this user. */
  readonly folder: string;
}

const EXTENSION = ".sqlite";
/** Error codes of file systems that cannot sync folders. Nothing more can be done there. */
const NO_FOLDER_SYNC = ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];
/** A file, its write-ahead log, and the log's index. */
const FILES = ["", "-wal", "-shm"];

/**
 * Keeps stores on a computer, for Node.js, each in a SQLite file that other users cannot read. A write resolves when
 * it is on the disk: write-ahead log, `synchronous=FULL`. Only one program at a time can have a store: for another
 * one, opening and deleting it throw `StorageError` ("failed"). When a program ends, for whatever reason, its stores
 * are free again.
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
      // Before this sync, a power cut may bring back the files of a student who has signed out.
      if (existsSync(folder)) syncFolder(folder);
    },
    toStorageError: sqliteToStorageError,
  });
};

// The SDK cannot use durable-file.ts of the server: an app must not bundle the server's database.

/** Creates a folder and its missing parents, and syncs their names to the disk. SQLite syncs the files inside. */
const makeFolder = (path: string): void => {
  const absolute = resolve(path);
  const parent = dirname(absolute);
  if (parent === absolute) return;
  // From the top down, so that an existing folder always has a synced parent.
  if (!existsSync(parent)) makeFolder(parent);
  mkdirSync(absolute, { recursive: true, mode: 0o700 });
  try {
    // Also for an existing folder: the program that created it may have been killed before this line.
    syncFolder(parent);
  } catch (error) {
    // The user may be allowed to pass through the parent but not to read it.
    if (!hasCode(error, ["EACCES"])) throw error;
  }
};

/** Waits until the names in a folder are on the disk. */
const syncFolder = (path: string): void => {
  // Windows cannot open folders; its file systems keep the order of changes by themselves.
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
  // SQLite gives the write-ahead log and its index the file mode of the database.
  closeSync(openSync(path, "a", 0o600));
  const connection = connect(path);
  try {
    refuseNewer(connection.prepare(VERSION_QUERY).pluck().get());
    for (const pragma of PRAGMAS) connection.pragma(pragma);
    connection.exec(SQL.create);
    if (connection.pragma("synchronous", { simple: true }) !== SYNCHRONOUS_FULL) {
      throw new StorageError(
        "failed",
        "SQLite does not run at synchronous=FULL: writes would not be durable",
      );
    }
    return createTable(connection, path);
  } catch (error) {
    connection.close();
    throw error;
  }
};

const createTable = (connection: Sqlite.Database, path: string): Table => {
  const file = statSync(path).ino;
  const get = connection.prepare(SQL.get);
  const list = connection.prepare(SQL.list);
  const keys = connection.prepare(SQL.keys);
  const put = connection.prepare(SQL.put);
  const remove = connection.prepare(SQL.remove);

  /** Throws if something has deleted the file: SQLite would go on writing to it, and lose all of it. */
  const assertThere = (): void => {
    if (statSync(path, { throwIfNoEntry: false })?.ino === file) return;
    throw new StorageError("closed", "The store was deleted");
  };

  return {
    get: async (key) => {
      assertThere();
      const row = get.get(keyToBytes(key));
      return row === undefined ? undefined : parseRow(row).value;
    },
    list: async (prefix) => {
      assertThere();
      return list.all(...prefixToBytes(prefix)).map(parseRow);
    },
    keys: async (prefix) => {
      assertThere();
      return keys.all(...prefixToBytes(prefix)).map((row) => parseRow(row).key);
    },
    write: async (changes) => {
      assertThere();
      connection.exec(SQL.begin);
      try {
        for (const { key, value } of changes) {
          if (value) put.run(keyToBytes(key), value);
          else remove.run(keyToBytes(key));
        }
        connection.exec(SQL.commit);
      } catch (error) {
        // On some errors SQLite has already rolled back.
        if (connection.inTransaction) connection.exec(SQL.rollback);
        throw error;
      }
    },
    purge: async () => void connection.exec(SQL.purge),
    close: async () => void connection.close(),
  };
};

/** Opens a connection that locks its file exclusively from its first read on. */
const connect = (path: string): Sqlite.Database => {
  // No timeout: the program that has the lock keeps it until it ends, so waiting would only block this program.
  const connection = new Sqlite(path, { timeout: 0 });
  connection.pragma("locking_mode = exclusive");
  return connection;
};

/**
 * Throws if another program has the file open. That program would go on writing to deleted files, and lose
 * everything.
 */
const refuseIfOpen = (path: string): void => {
  if (!existsSync(path)) return;
  const connection = connect(path);
  try {
    connection.exec("begin exclusive");
  } catch (error) {
    // A file that is no database, or that is on a full disk, can be deleted anyway.
    if (error instanceof Sqlite.SqliteError && error.code.startsWith("SQLITE_BUSY")) throw error;
  } finally {
    connection.close();
  }
};
