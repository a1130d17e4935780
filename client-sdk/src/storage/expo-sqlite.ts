import { createStorageAdapter, toUnavailable, type Table } from "./adapter.ts";
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
import { StorageError, type Change, type StorageAdapter } from "./storage.ts";
import { within } from "./within.ts";
import { createSerialQueue } from "../runtime/serial-queue.ts";

/** The part of `expo-sqlite` that is used, since SDK 51: `import * as SQLite from "expo-sqlite"`. */
export interface ExpoSqlite {
  /** Opens a database, and creates its file if it does not exist. */
  openDatabaseAsync(
    databaseName: string,
    options: { readonly useNewConnection: boolean },
  ): Promise<ExpoSqliteDatabase>;
  /** Deletes a database's file. */
  deleteDatabaseAsync(databaseName: string): Promise<void>;
}

/** The part of its `SQLiteDatabase` that is used. */
export interface ExpoSqliteDatabase {
  /** Runs statements. */
  execAsync(source: string): Promise<void>;
  /** Runs one statement with parameters. */
  runAsync(source: string, params: Uint8Array[]): Promise<unknown>;
  /** Returns the rows of a query. */
  getAllAsync(source: string, params: Uint8Array[]): Promise<unknown[]>;
  /** Closes the connection. */
  closeAsync(): Promise<void>;
}

/** Where the phone keeps the stores. */
export interface ExpoSqliteStorageOptions {
  /** Prefix of the file names. Default: "edvoyage". */
  readonly prefix?: string;
}

/** Another connection of the app, or one of an app that was just reloaded, may have the file locked for a moment. */
const BUSY_TIMEOUT_MS = 5_000;
/** How long one call may take. */
const CALL_MS = 30_000;
const NOTHING = new Uint8Array();
const TABLE_QUERY = "select 1 from sqlite_master where type = 'table' and name = 'records'";

/**
 * Keeps stores on a phone, each in its own database. One more database lists them, because `expo-sqlite` cannot. A
 * write resolves when it is on the disk: write-ahead log, `synchronous=FULL`, and `fullfsync` on Apple's devices.
 */
export const createExpoSqliteStorage = (
  SQLite: ExpoSqlite,
  { prefix = "edvoyage" }: ExpoSqliteStorageOptions = {},
): StorageAdapter => {
  const fileOf = (name: string): string => `${prefix}-${name}.db`;
  // A store's name has no dot, so this name is free.
  const registryFile = `${prefix}.stores.db`;

  const runSerially = createSerialQueue();
  const withRegistry = <T>(use: (registry: Table) => Promise<T>): Promise<T> =>
    runSerially(async () => {
      const registry = await openTable(SQLite, registryFile);
      try {
        return await use(registry);
      } finally {
        await registry.close();
      }
    });

  return createStorageAdapter({
    open: async (name) => {
      // Listed before it is created: a store that is not listed could never be deleted.
      await withRegistry((registry) => registry.write([{ key: name, value: NOTHING }]));
      return openTable(SQLite, fileOf(name));
    },
    list: () => withRegistry((registry) => registry.keys("")),
    delete: async (name) => {
      const listed = await withRegistry((registry) => registry.get(name));
      if (!listed) return;
      await deleteDatabase(SQLite, fileOf(name));
      await withRegistry((registry) => registry.write([{ key: name, value: null }]));
    },
    toStorageError: sqliteToStorageError,
  });
};

const openTable = async (SQLite: ExpoSqlite, file: string): Promise<Table> => {
  const database = await openDatabase(SQLite, { file, mayCreate: true });
  return createTable(database, () => openDatabase(SQLite, { file, mayCreate: false }));
};

const openDatabase = async (
  SQLite: ExpoSqlite,
  { file, mayCreate }: { readonly file: string; readonly mayCreate: boolean },
): Promise<ExpoSqliteDatabase> => {
  // A separate connection: the app may have one to the same file, and a transaction belongs to its connection.
  const database = await SQLite.openDatabaseAsync(file, { useNewConnection: true }).catch(
    (error: unknown) => {
      throw sqliteToStorageError(error) ?? toUnavailable(error);
    },
  );
  try {
    refuseNewer(parseColumn(await database.getAllAsync(VERSION_QUERY, []), "user_version"));
    if (!mayCreate && (await database.getAllAsync(TABLE_QUERY, [])).length === 0) {
      throw new StorageError("closed", "The store was deleted");
    }
    await prepare(database);
  } catch (error) {
    // Report the first error, not one of closing.
    await database.closeAsync().catch(() => {});
    throw error;
  }
  return database;
};

const prepare = async (database: ExpoSqliteDatabase): Promise<void> => {
  const pragmas = [`busy_timeout = ${BUSY_TIMEOUT_MS}`, ...PRAGMAS].map((pragma) => `pragma ${pragma}`);
  await database.execAsync([...pragmas, SQL.create].join(";\n"));
  const synchronous = parseColumn(await database.getAllAsync("pragma synchronous", []), "synchronous");
  if (synchronous !== SYNCHRONOUS_FULL) {
    throw new StorageError("failed", "SQLite does not run at synchronous=FULL: writes would not be durable");
  }
};

/** Returns a column of the first row. */
const parseColumn = ([row]: readonly unknown[], column: string): unknown =>
  (row as Readonly<Record<string, unknown>>)[column];

/**
 * Creates the table of a connection. The store is the only user of its connection and makes one call at a time, so a
 * transaction is plain SQL. `withExclusiveTransactionAsync` opens a connection for each transaction, at SQLite's own
 * `synchronous`. When SQLite has already rolled back by itself, it reports that there is nothing to roll back and
 * hides that the disk is full.
 */
const createTable = (database: ExpoSqliteDatabase, reopen: () => Promise<ExpoSqliteDatabase>): Table => {
  let current = database;
  let isStuck = false;
  const isAlive = (): Promise<boolean> => {
    const answered = current.getAllAsync("select 1", []).then(
      () => true,
      () => false,
    );
    return within(answered, BUSY_TIMEOUT_MS, () => false);
  };
  const replace = async (): Promise<void> => {
    current.closeAsync().catch(() => {});
    current = await reopen();
    isStuck = false;
  };
  const attempt = <T>(use: (database: ExpoSqliteDatabase) => Promise<T>): Promise<T> =>
    within(use(current), CALL_MS, () => {
      isStuck = true;
      throw new StorageError("failed", "SQLite did not answer in time");
    });
  /**
   * Runs a call. If it fails because the connection is dead, repeats it once on a new connection: the app was reloaded, or
   * the system has released the native side of the connection. Repeating is safe, because a write states the new values.
   */
  const run = async <T>(use: (database: ExpoSqliteDatabase) => Promise<T>): Promise<T> => {
    if (isStuck) await replace();
    try {
      return await attempt(use);
    } catch (error) {
      if (isStuck || (await isAlive())) throw error;
    }
    await replace();
    return attempt(use);
  };

  return {
    get: async (key) => {
      const [row] = await run((open) => open.getAllAsync(SQL.get, [keyToBytes(key)]));
      return row === undefined ? undefined : parseRow(row).value;
    },
    list: async (prefix) =>
      (await run((open) => open.getAllAsync(SQL.list, prefixToBytes(prefix)))).map(parseRow),
    keys: async (prefix) => {
      const rows = await run((open) => open.getAllAsync(SQL.keys, prefixToBytes(prefix)));
      return rows.map((row) => parseRow(row).key);
    },
    write: (changes) => run((open) => writeChanges(open, changes)),
    purge: () => run((open) => open.execAsync(SQL.purge)),
    close: async () => {
      try {
        await current.closeAsync();
      } catch (error) {
        // A dead connection has nothing left to close.
        if (await isAlive()) throw error;
      }
    },
  };
};

const writeChanges = async (database: ExpoSqliteDatabase, changes: readonly Change[]): Promise<void> => {
  await database.execAsync(SQL.begin);
  try {
    for (const { key, value } of changes) {
      if (value) await database.runAsync(SQL.put, [keyToBytes(key), value]);
      else await database.runAsync(SQL.remove, [keyToBytes(key)]);
    }
    await database.execAsync(SQL.commit);
  } catch (error) {
    // On some errors SQLite has already rolled back, and this rollback fails because there is nothing to roll back.
    await database.execAsync(SQL.rollback).catch(() => {});
    throw error;
  }
};

const deleteDatabase = async (SQLite: ExpoSqlite, file: string): Promise<void> => {
  // Opened and closed once more, so that SQLite removes the write-ahead log that a crash left. Expo deletes only the
  // database file, and the student's records would stay in the log.
  try {
    const table = await openTable(SQLite, file);
    await table.close();
  } catch {
    // A file that is no database, or that is on a full disk, can be deleted anyway.
  }
  await SQLite.deleteDatabaseAsync(file);
};
