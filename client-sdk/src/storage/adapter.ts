import { parseKey, parseStoreName } from "./keys.ts";
import { isStorageError, StorageError, type Store, type StorageAdapter } from "./storage.ts";
import { createSerialQueue, type RunSerially } from "../runtime/serial-queue.ts";

/** The place where an adapter keeps its stores. `createStorageAdapter` adds what is the same for every medium. */
export interface Medium {
  /** Opens a store. Creates it if it does not exist. */
  open(name: string): Promise<Table>;
  list(): Promise<readonly string[]>;
  /**
   * Deletes a store, which this program has closed already. If other programs have it open, it is closed for them, or
   * this throws.
   */
  delete(name: string): Promise<void>;
  /** Translates an error of the medium itself. Default: kind "failed". */
  toStorageError?(error: unknown): StorageError | undefined;
}

/** An open store of a medium. It receives one call at a time, with keys that are short enough. */
export type Table = Store;

interface OpenStores {
  /** Runs opens and deletions one after the other, so that no store opens while it is deleted. */
  readonly runSerially: RunSerially;
  readonly stores: Set<Store>;
}

/**
 * Creates the adapter of a medium. It adds the order of calls, copies of the input, checks, and closing. Its only
 * errors are of type `StorageError`.
 */
export const createStorageAdapter = (medium: Medium): StorageAdapter => {
  const translateErrors: TranslateErrors = async (task) => {
    try {
      return await task();
    } catch (error) {
      throw isStorageError(error) ? error : (medium.toStorageError?.(error) ?? toFailure(error));
    }
  };
  const deletions = createDeletionListeners();
  const openByName = new Map<string, OpenStores>();
  const openStoresOf = (name: string): OpenStores => {
    const existing = openByName.get(name);
    if (existing) return existing;
    const created = { runSerially: createSerialQueue(), stores: new Set<Store>() };
    openByName.set(name, created);
    return created;
  };

  return {
    open: async (name) => {
      const { runSerially, stores } = openStoresOf(parseStoreName(name));
      return runSerially(async () => {
        const table = await translateErrors(() => medium.open(name));
        const store = createStore(table, {
          translateErrors,
          onClosed: () => stores.delete(store),
          onDeleted: deletions.notify,
        });
        stores.add(store);
        return store;
      });
    },
    list: () => translateErrors(() => medium.list()),
    delete: async (name) => {
      const { runSerially, stores } = openStoresOf(parseStoreName(name));
      return runSerially(async () => {
        // A store that fails to close is deleted anyway.
        await Promise.allSettled([...stores].map((store) => store.close()));
        await translateErrors(() => medium.delete(name));
      });
    },
    watchDeletions: deletions.watch,
  };
};

/** Runs a task and translates its errors, so that only `StorageError` is thrown. */
type TranslateErrors = <T>(task: () => Promise<T>) => Promise<T>;

/** Returns the error for a failure that a medium knows nothing more about. */
const toFailure = (error: unknown): StorageError =>
  new StorageError("failed", "The device could not read or write", { cause: error });

/** Returns the error for a medium that cannot be opened at all. */
export const toUnavailable = (error: unknown): StorageError =>
  new StorageError("unavailable", "The device's storage cannot be opened", { cause: error });

/** Creates the listeners of `watchDeletions`. */
export const createDeletionListeners = () => {
  const listeners = new Set<() => void>();
  return {
    notify: () => {
      for (const listener of listeners) listener();
    },
    watch: (listener: () => void): (() => void) => {
      // The same function may subscribe twice.
      const wrapped = (): void => listener();
      listeners.add(wrapped);
      return () => void listeners.delete(wrapped);
    },
  };
};

interface StoreOptions {
  readonly translateErrors: TranslateErrors;
  readonly onClosed: () => void;
  /** Called when a call finds that something else has deleted the store. */
  readonly onDeleted: () => void;
}

const createStore = (table: Table, { translateErrors, onClosed, onDeleted }: StoreOptions): Store => {
  const runSerially = createSerialQueue();
  let closed: Promise<void> | undefined;

  const schedule = <T>(task: () => Promise<T>): Promise<T> => {
    if (closed) throw new StorageError("closed", "The store was closed");
    return runSerially(async () => {
      try {
        return await translateErrors(task);
      } catch (error) {
        if (isStorageError(error) && error.kind === "closed") onDeleted();
        throw error;
      }
    });
  };

  return {
    get: async (key) => {
      const parsedKey = parseKey(key);
      return schedule(() => table.get(parsedKey));
    },
    list: async (prefix) => {
      const parsedPrefix = parseKey(prefix);
      return schedule(() => table.list(parsedPrefix));
    },
    keys: async (prefix) => {
      const parsedPrefix = parseKey(prefix);
      return schedule(() => table.keys(parsedPrefix));
    },
    write: async (changes) => {
      // Copied now: the caller may change the originals while this write waits for its turn.
      const copies = changes.map(({ key, value }) => ({
        key: parseKey(key),
        value: value && new Uint8Array(value),
      }));
      return schedule(async () => {
        if (copies.length > 0) await table.write(copies);
      });
    },
    purge: async () => schedule(async () => table.purge?.()),
    close: async () => {
      closed ??= runSerially(() => translateErrors(() => table.close())).finally(onClosed);
      return closed;
    },
  };
};
