import { createDeletionListeners, createStorageAdapter, type Table } from "./adapter.ts";
import { createBrowserPeers } from "./browser-peers.ts";
import { createFallbackStorage } from "./fallback.ts";
import {
  beginTransaction,
  createNewerError,
  nameOf,
  openConnection,
  openDatabase,
  RECORDS,
} from "./indexed-db-connection.ts";
import { isStoreName, rangeOfPrefix } from "./keys.ts";
import { createMemoryStorage } from "./memory.ts";
import { StorageError, type StorageAdapter } from "./storage.ts";
import { within } from "./within.ts";

/** Where the browser keeps the stores. */
export interface IndexedDbStorageOptions {
  /**
   * Prefix of the names of databases, channels and locks. The only app on an origin needs none. Default: "edvoyage".
   */
  readonly prefix?: string;
  /** Default: the browser's own, looked up on first use. */
  readonly indexedDB?: IDBFactory;
  /** Needed together with `indexedDB`. Default: the browser's own. */
  readonly IDBKeyRange?: typeof IDBKeyRange;
  /**
   * `"memory"` keeps the data in the tab's memory where the browser has no IndexedDB or blocks it: it is gone with the
   * tab, `sync.status.storage` says so, and signing in ends no session of another device. Default: opening throws
   * `StorageError` ("unavailable").
   */
  readonly fallback?: "memory";
}

/** How long other tabs may take to close a database that is being deleted. */
const LET_GO_MS = 5_000;
const NOTHING = new Uint8Array();

/**
 * Keeps stores in the browser, each in its own database. A write resolves when the browser has it on the disk
 * (`durability: "strict"`). `peers` needs BroadcastChannel and Web Locks: on a page without HTTPS each tab acts as if
 * it were alone.
 */
export const createIndexedDbStorage = (options: IndexedDbStorageOptions = {}): StorageAdapter => {
  const durable = createDurableStorage(options);
  return options.fallback === "memory"
    ? createFallbackStorage(durable, createMemoryStorage({ durability: "memory" }))
    : durable;
};

const createDurableStorage = (options: IndexedDbStorageOptions): StorageAdapter => {
  const { prefix = "edvoyage" } = options;
  const factory = (): IDBFactory => {
    // The types say that every browser has it. Reading it may also throw a SecurityError.
    const found: IDBFactory | null | undefined = options.indexedDB ?? globalThis.indexedDB;
    if (!found) throw new StorageError("unavailable", "There is no IndexedDB");
    return found;
  };
  const keyRange = (): typeof IDBKeyRange => options.IDBKeyRange ?? IDBKeyRange;
  const databaseOf = (name: string): string => `${prefix}/${name}`;
  const deletions = createDeletionListeners();
  const openTable = (database: string): Promise<Table> =>
    createTable({ factory: factory(), keyRange: keyRange(), database, onDeleted: deletions.notify });

  const withRegistry = async <T>(use: (registry: Table) => Promise<T>): Promise<T> => {
    const registry = await openTable(prefix);
    try {
      return await use(registry);
    } finally {
      await registry.close();
    }
  };
  /** Firefox before 126 cannot list databases; there, one more database lists the stores. */
  const needsRegistry = (): boolean => !("databases" in factory());

  return {
    ...createStorageAdapter({
      open: async (name) => {
        if (needsRegistry()) {
          await withRegistry((registry) => registry.write([{ key: name, value: NOTHING }]));
        }
        return openTable(databaseOf(name));
      },
      list: async () => {
        if (needsRegistry()) return withRegistry((registry) => registry.keys(""));
        return (await factory().databases())
          .map(({ name = "" }) => (name.startsWith(databaseOf("")) ? name.slice(databaseOf("").length) : ""))
          .filter(isStoreName);
      },
      delete: async (name) => {
        await deleteDatabase(factory(), databaseOf(name));
        if (needsRegistry()) await withRegistry((registry) => registry.write([{ key: name, value: null }]));
      },
      toStorageError,
    }),
    peers: createBrowserPeers(prefix),
    // Hears of a deletion from the browser, before the next call.
    watchDeletions: deletions.watch,
  };
};

const toStorageError = (error: unknown): StorageError | undefined => {
  switch (nameOf(error)) {
    case "QuotaExceededError":
      return new StorageError("full", "The browser gives this site no more room", { cause: error });
    case "SecurityError":
      return new StorageError("unavailable", "The browser blocks IndexedDB", { cause: error });
    case "VersionError":
      return createNewerError(error);
    default:
      return undefined;
  }
};

interface DatabaseLocation {
  readonly factory: IDBFactory;
  readonly keyRange: typeof IDBKeyRange;
  readonly database: string;
  /** Called when something has deleted the database while it was open here. */
  readonly onDeleted: () => void;
}

const createTable = async ({ keyRange, ...location }: DatabaseLocation): Promise<Table> => {
  const { run, close } = await openConnection(location);
  const read = <T>(use: (records: IDBObjectStore) => Promise<T>): Promise<T> =>
    run("readonly", (transaction) => use(transaction.objectStore(RECORDS)));
  const rangeOf = (prefix: string): IDBKeyRange => {
    const { from, before } = rangeOfPrefix(prefix);
    return keyRange.bound(from, before, false, true);
  };

  return {
    get: (key) => read(async (records) => parseValue(await resultOf(records.get(key)))),
    list: (prefix) =>
      read(async (records) => {
        const [keys, values] = await Promise.all([
          resultOf(records.getAllKeys(rangeOf(prefix))),
          resultOf(records.getAll(rangeOf(prefix))),
        ]);
        return keys.map((key, index) => ({
          key: parseKeptKey(key),
          value: parseValue(values[index]) ?? NOTHING,
        }));
      }),
    keys: (prefix) =>
      read(async (records) => (await resultOf(records.getAllKeys(rangeOf(prefix)))).map(parseKeptKey)),
    write: (changes) =>
      run("readwrite", (transaction) =>
        commit(transaction, (records) => {
          for (const { key, value } of changes) {
            if (value) records.put(value, key);
            else records.delete(key);
          }
        }),
      ),
    close: async () => close(),
  };
};

const parseKeptKey = (key: unknown): string => {
  if (typeof key === "string") return key;
  throw new StorageError("failed", "A key is not a string");
};

const parseValue = (value: unknown): Uint8Array | undefined => {
  if (value === undefined || value instanceof Uint8Array) return value;
  throw new StorageError("failed", "A record is not bytes");
};

const resultOf = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** Applies the changes in one transaction, and resolves when they are on the disk. */
const commit = (transaction: IDBTransaction, change: (records: IDBObjectStore) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    try {
      change(transaction.objectStore(RECORDS));
    } catch (error) {
      // Without the abort, the requests before the error would be committed.
      transaction.abort();
      reject(error);
    }
  });

const deleteDatabase = async (factory: IDBFactory, database: string): Promise<void> => {
  let isEmptied = false;
  // Empty it first: the deletion waits until other tabs have closed it, and is lost if this tab ends before that.
  try {
    const connection = await openDatabase({ factory, database, mayCreate: false });
    if (!connection) return;
    connection.onversionchange = () => connection.close();
    const transaction = beginTransaction(connection, "readwrite");
    await commit(transaction, (records) => records.clear()).finally(() => connection.close());
    isEmptied = true;
  } catch {
    // A database that cannot be opened, or written to, can be deleted anyway.
  }
  // A suspended tab, as on a phone, does not close the database. The browser then deletes the empty rest when that
  // tab ends.
  await within<unknown>(resultOf(factory.deleteDatabase(database)), LET_GO_MS, () => {
    if (!isEmptied) throw new StorageError("failed", "Another tab keeps the browser from deleting the store");
  });
};
