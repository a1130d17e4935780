import { createStorageAdapter, type Table } from "./adapter.ts";
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
import { createSerialQueue } from "../runtime/serial-queue.ts";

/** What is used of `expo-sqlite`, since SDK 51: `import * as SQLite from "expo-sqlite"`. */
export interface ExpoSqlite {
  openDatabaseAsync(
    databaseName: string,
    options: { readonly useNewConnection: boolean },
  ): Promise<ExpoSqliteDatabase>;
  deleteDatabaseAsync(databaseName: string): Promise<void>;
}

/** What is used of its `SQLiteDatabase`. */
export interface ExpoSqliteDatabase {
  execAsync(source: string): Promise<void>;
  runAsync(source: string, params: Uint8Array[]): Promise<unknown>;
  getAllAsync(source: string, params: Uint8Array[]): Promise<unknown[]>;
  closeAsync(): Promise<void>;
}

export interface ExpoSqliteStorageOptions {
  /** Begins the names of the files: "edvoyage" unless told. */
  readonly prefix?: string;
}

/** The app's own connections, or one of an app that was just reloaded, may have the file for a moment. */
const BUSY_TIMEOUT_MS = 5_000;
const NOTHING = new Uint8Array();

/**
 * Keeps stores on a phone, each in a database of its own; one more says which there are, for `expo-sqlite` cannot list
 * them. A write resolves when the disk has it: write-ahead log, `synchronous=FULL`, and on Apple's devices `fullfsync`.
 */
export const createExpoSqliteStorage = (
  SQLite: ExpoSqlite,
  { prefix = "edvoyage" }: ExpoSqliteStorageOptions = {},
): StorageAdapter => {
  const fileOf = (name: string): string => `${prefix}-${name}.db`;
  // A store's name has no dot.
  const registryFile = `${prefix}.stores.db`;

  const inTurn = createSerialQueue();
  const withRegistry = <T>(use: (registry: Table) => Promise<T>): Promise<T> =>
    inTurn(async () => {
      const registry = await openTable(SQLite, registryFile);
      try {
        return await use(registry);
      } finally {
        await registry.close();
      }
    });

  return createStorageAdapter({
    open: async (name) => {
      // Before the store itself: one that nobody knew of could never be deleted.
      await withRegistry((registry) => registry.write([{ key: name, value: NOTHING }]));
      return openTable(SQLite, fileOf(name));
    },
    list: () => withRegistry((registry) => registry.keys("")),
    delete: async (name) => {
      const known = await withRegistry((registry) => registry.get(name));
      if (!known) return;
      await deleteDatabase(SQLite, fileOf(name));
      await withRegistry((registry) => registry.write([{ key: name, value: null }]));
    },
    toStorageError: sqliteToStorageError,
  });
};

const openTable = async (SQLite: ExpoSqlite, file: string): Promise<Table> => {
  // A connection of one's own: the app may have one to the same file, and a transaction belongs to its connection.
  const database = await SQLite.openDatabaseAsync(file, { useNewConnection: true });
  try {
    await prepare(database);
  } catch (error) {
    // What went wrong first is what counts.
    await database.closeAsync().catch(() => {});
    throw error;
  }
  return createTable(database);
};

const prepare = async (database: ExpoSqliteDatabase): Promise<void> => {
  const pragmas = [`busy_timeout = ${BUSY_TIMEOUT_MS}`, ...PRAGMAS].map((pragma) => `pragma ${pragma}`);
  await database.execAsync([...pragmas, SQL.create].join(";\n"));
  const [row] = await database.getAllAsync("pragma synchronous", []);
  if (parseSynchronous(row) !== SYNCHRONOUS_FULL) {
    throw new StorageError("failed", "SQLite does not run at synchronous=FULL: writes would not be durable");
  }
};

const parseSynchronous = (row: unknown): unknown => (row as Readonly<Record<string, unknown>>)["synchronous"];

/**
 * The store has its connection for itself and asks for one thing at a time, so a transaction is plain SQL.
 * `withExclusiveTransactionAsync` makes a connection for each, at SQLite's own `synchronous`, and when SQLite has
 * rolled back by itself it throws that there is nothing to roll back, and no longer that the disk is full.
 */
const createTable = (database: ExpoSqliteDatabase): Table => ({
  get: async (key) => {
    const [row] = await database.getAllAsync(SQL.get, [keyToBytes(key)]);
    return row === undefined ? undefined : parseRow(row).value;
  },
  list: async (prefix) => (await database.getAllAsync(SQL.list, prefixToBytes(prefix))).map(parseRow),
  keys: async (prefix) => {
    const rows = await database.getAllAsync(SQL.keys, prefixToBytes(prefix));
    return rows.map((row) => parseRow(row).key);
  },
  write: async (changes) => {
    await database.execAsync(SQL.begin);
    try {
      for (const { key, value } of changes) {
        if (value) await database.runAsync(SQL.put, [keyToBytes(key), value]);
        else await database.runAsync(SQL.remove, [keyToBytes(key)]);
      }
      await database.execAsync(SQL.commit);
    } catch (error) {
      // On some errors SQLite has rolled back itself, and says that there is nothing to roll back.
      await database.execAsync(SQL.rollback).catch(() => {});
      throw error;
    }
  },
  purge: () => database.execAsync(SQL.purge),
  close: () => database.closeAsync(),
});

const deleteDatabase = async (SQLite: ExpoSqlite, file: string): Promise<void> => {
  // Opened and closed once more, so that SQLite removes a log that a crash left: Expo deletes the file alone, and the
  // student's records would stay in the other one.
  try {
    const table = await openTable(SQLite, file);
    await table.close();
  } catch {
    // What is no database, or on a full disk, can be deleted all the same.
  }
  await SQLite.deleteDatabaseAsync(file);
};
