import { createStorageAdapter, toFailure, type Table } from "./adapter.ts";
import { createBrowserPeers } from "./browser-peers.ts";
import { isStoreName, rangeOfPrefix } from "./keys.ts";
import { StorageError, type StorageAdapter } from "./storage.ts";

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
}

/** How long the browser may take to open a database. It waits silently while another tab deletes or upgrades it. */
const OPEN_MS = 30_000;
/** How long other tabs may take to close a database that is being deleted. */
const LET_GO_MS = 5_000;
const VERSION = 1;
const RECORDS = "records";
const NOTHING = new Uint8Array();

/**
 * Keeps stores in the browser, each in its own database. A write resolves when the browser has it on the disk
 * (`durability: "strict"`). `peers` needs BroadcastChannel and Web Locks: on a page without HTTPS each tab acts as if
 * it were alone.
 */
export const createIndexedDbStorage = (options: IndexedDbStorageOptions = {}): StorageAdapter => {
  const { prefix = "edvoyage" } = options;
  const factory = (): IDBFactory => options.indexedDB ?? indexedDB;
  const keyRange = (): typeof IDBKeyRange => options.IDBKeyRange ?? IDBKeyRange;
  const databaseOf = (name: string): string => `${prefix}/${name}`;
  const openTable = (database: string): Promise<Table> =>
    createTable({ factory: factory(), keyRange: keyRange(), database });

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
      toStorageError: (error) =>
        nameOf(error) === "QuotaExceededError"
          ? new StorageError("full", "The browser gives this site no more room", { cause: error })
          : toFailure(error),
    }),
    peers: createBrowserPeers(prefix),
  };
};

interface DatabaseLocation {
  readonly factory: IDBFactory;
  readonly keyRange: typeof IDBKeyRange;
  readonly database: string;
}

const createTable = async ({ factory, keyRange, database }: DatabaseLocation): Promise<Table> => {
  let connection: IDBDatabase | undefined;
  let isGone = false;

  const connect = async (mayCreate: boolean): Promise<IDBDatabase> => {
    const opened = await openDatabase({ factory, database, mayCreate });
    if (!opened) {
      isGone = true;
      throw closed();
    }
    // Another tab deletes the store, or a newer version of the app upgrades it. Both wait until this connection is
    // closed.
    opened.onversionchange = () => {
      isGone = true;
      opened.close();
    };
    connection = opened;
    return opened;
  };

  const attempt = async <T>(use: (connection: IDBDatabase) => Promise<T>): Promise<T> => {
    if (isGone) throw closed();
    return use(connection ?? (await connect(false)));
  };

  // Safari ends connections under an app that was in the background ("Connection to Indexed Database server lost").
  // Retrying is safe: a write states the new values, and later writes wait for it.
  const withRetry = async <T>(use: (connection: IDBDatabase) => Promise<T>): Promise<T> => {
    try {
      return await attempt(use);
    } catch (error) {
      if (!isGone && !isLost(error)) throw error;
    }
    connection?.close();
    connection = undefined;
    return attempt(use);
  };

  const read = <T>(use: (records: IDBObjectStore) => Promise<T>): Promise<T> =>
    withRetry((open) => use(open.transaction(RECORDS, "readonly").objectStore(RECORDS)));
  const rangeOf = (prefix: string): IDBKeyRange => {
    const { from, before } = rangeOfPrefix(prefix);
    return keyRange.bound(from, before, false, true);
  };

  await connect(true);
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
      withRetry((open) =>
        commit(open, (records) => {
          for (const { key, value } of changes) {
            if (value) records.put(value, key);
            else records.delete(key);
          }
        }),
      ),
    close: async () => connection?.close(),
  };
};

const closed = (): StorageError => new StorageError("closed", "The store was deleted");

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
const commit = (connection: IDBDatabase, change: (records: IDBObjectStore) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    const transaction = connection.transaction(RECORDS, "readwrite", { durability: "strict" });
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

/** Resolves like the promise, or like `onTimeout` if the promise takes longer than `ms` milliseconds. */
const within = <T>(promise: Promise<T>, ms: number, onTimeout: () => T | Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      new Promise<T>((settle) => settle(onTimeout())).then(resolve, reject);
    }, ms);
    promise.finally(() => clearTimeout(timer)).then(resolve, reject);
  });

/** Opens a database. Resolves with `undefined` if it does not exist and may not be created. */
const openDatabase = async (location: {
  readonly factory: IDBFactory;
  readonly database: string;
  readonly mayCreate: boolean;
}): Promise<IDBDatabase | undefined> => {
  const opening = requestDatabase(location);
  return within(opening, OPEN_MS, () => {
    opening.then(
      (connection) => connection?.close(),
      () => {},
    );
    throw new StorageError("failed", "Another tab keeps the browser from opening the store: close it");
  });
};

const requestDatabase = ({
  factory,
  database,
  mayCreate,
}: {
  readonly factory: IDBFactory;
  readonly database: string;
  readonly mayCreate: boolean;
}): Promise<IDBDatabase | undefined> =>
  new Promise((resolve, reject) => {
    const request = factory.open(database, VERSION);
    request.onupgradeneeded = () => {
      if (mayCreate) request.result.createObjectStore(RECORDS);
      else {
        resolve(undefined);
        request.transaction?.abort();
      }
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const deleteDatabase = async (factory: IDBFactory, database: string): Promise<void> => {
  let isEmptied = false;
  // Empty it first: the deletion waits until other tabs have closed it, and is lost if this tab ends before that.
  try {
    const connection = await openDatabase({ factory, database, mayCreate: false });
    if (!connection) return;
    connection.onversionchange = () => connection.close();
    await commit(connection, (records) => records.clear()).finally(() => connection.close());
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

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "");

const isLost = (error: unknown): boolean =>
  ["InvalidStateError", "AbortError", "UnknownError"].includes(nameOf(error));
