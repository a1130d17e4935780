import { createStorageAdapter, toFailure, type Table } from "./adapter.ts";
import { createBrowserPeers } from "./browser-peers.ts";
import { isStoreName, rangeOfPrefix } from "./keys.ts";
import { StorageError, type StorageAdapter } from "./storage.ts";

export interface IndexedDbStorageOptions {
  /** Begins the names of databases, channels and locks: "edvoyage" unless told. One app on an origin needs none. */
  readonly prefix?: string;
  /** The browser's own unless told; looked up when it is needed first. */
  readonly indexedDB?: IDBFactory;
  /** Told where `indexedDB` is. */
  readonly IDBKeyRange?: typeof IDBKeyRange;
}

/** How long the browser may take to open a database: it waits, without a word, for what other tabs are asked to do with it. */
const OPEN_MS = 30_000;
/** How long other tabs may take to let go of a database that is to be deleted. */
const LET_GO_MS = 5_000;
const VERSION = 1;
const RECORDS = "records";
const NOTHING = new Uint8Array();

/**
 * Keeps stores in the browser, each in a database of its own. A write resolves when the browser has it on the disk
 * (`durability: "strict"`). `peers` needs BroadcastChannel and Web Locks: on a page without HTTPS each tab believes that
 * it is alone.
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
  /** Firefox before 126 cannot list databases: there a database of its own says which stores there are. */
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

interface Place {
  readonly factory: IDBFactory;
  readonly keyRange: typeof IDBKeyRange;
  readonly database: string;
}

const createTable = async ({ factory, keyRange, database }: Place): Promise<Table> => {
  let connection: IDBDatabase | undefined;
  let isGone = false;

  const connect = async (mayCreate: boolean): Promise<IDBDatabase> => {
    const opened = await openDatabase({ factory, database, mayCreate });
    if (!opened) {
      isGone = true;
      throw closed();
    }
    // Another tab deletes the store, or a newer version of the app changes it: both wait for this connection's end.
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
  // Doing a thing twice is safe: a write says what records shall be, and the next one waits for it.
  const ask = async <T>(use: (connection: IDBDatabase) => Promise<T>): Promise<T> => {
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
    ask((open) => use(open.transaction(RECORDS, "readonly").objectStore(RECORDS)));
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
      ask((open) =>
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

/** Makes the changes in one transaction, and resolves when the disk has them. */
const commit = (connection: IDBDatabase, change: (records: IDBObjectStore) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    const transaction = connection.transaction(RECORDS, "readwrite", { durability: "strict" });
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    try {
      change(transaction.objectStore(RECORDS));
    } catch (error) {
      // What was asked for before it would be committed.
      transaction.abort();
      reject(error);
    }
  });

/** Resolves with what comes first: the promise's value, or that of `late` after so many milliseconds. */
const within = <T>(promise: Promise<T>, ms: number, late: () => T | Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      new Promise<T>((settle) => settle(late())).then(resolve, reject);
    }, ms);
    promise.finally(() => clearTimeout(timer)).then(resolve, reject);
  });

/** Resolves with `undefined` when the database is not there and may not be made. */
const openDatabase = async (place: {
  readonly factory: IDBFactory;
  readonly database: string;
  readonly mayCreate: boolean;
}): Promise<IDBDatabase | undefined> => {
  const opening = requestDatabase(place);
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
  // Emptied first: the deletion waits for tabs that have it open, and is forgotten when this one ends meanwhile.
  try {
    const connection = await openDatabase({ factory, database, mayCreate: false });
    if (!connection) return;
    connection.onversionchange = () => connection.close();
    await commit(connection, (records) => records.clear()).finally(() => connection.close());
    isEmptied = true;
  } catch {
    // One that cannot be opened, or written to, can be deleted all the same.
  }
  // A tab that stands still, as phones let them, does not let go: the browser deletes what is left when that tab ends.
  await within<unknown>(resultOf(factory.deleteDatabase(database)), LET_GO_MS, () => {
    if (!isEmptied) throw new StorageError("failed", "Another tab keeps the browser from deleting the store");
  });
};

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "");

const isLost = (error: unknown): boolean =>
  ["InvalidStateError", "AbortError", "UnknownError"].includes(nameOf(error));
