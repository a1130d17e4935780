import { parseKey, parseStoreName } from "./keys.ts";
import { isStorageError, StorageError, type Store, type StorageAdapter } from "./storage.ts";
import { createSerialQueue, type RunSerially } from "../runtime/serial-queue.ts";

/** Where an adapter keeps stores. What is the same everywhere is `createStorageAdapter`. */
export interface Medium {
  /** Opens a store, and makes it when it is not there. */
  open(name: string): Promise<Table>;
  list(): Promise<readonly string[]>;
  /** Deletes a store, which this program has closed; to others that have it open it is closed, or this throws. */
  delete(name: string): Promise<void>;
  /** What an error of the medium's own means; "failed" unless told. */
  toStorageError?(error: unknown): StorageError;
}

/** One open store of a medium: asked for one thing at a time, with keys that are short enough. */
export type Table = Store;

interface OpenStores {
  /** Opens and deletes one after the other, so that no store opens while it is deleted. */
  readonly inTurn: RunSerially;
  readonly stores: Set<Store>;
}

/** Makes the adapter of a medium: order, copies, checks, closing, and errors that are `StorageError` and nothing else. */
export const createStorageAdapter = (medium: Medium): StorageAdapter => {
  const translated: Translated = async (task) => {
    try {
      return await task();
    } catch (error) {
      if (isStorageError(error)) throw error;
      throw medium.toStorageError?.(error) ?? toFailure(error);
    }
  };
  const openByName = new Map<string, OpenStores>();
  const openOf = (name: string): OpenStores => {
    const known = openByName.get(name);
    if (known) return known;
    const fresh = { inTurn: createSerialQueue(), stores: new Set<Store>() };
    openByName.set(name, fresh);
    return fresh;
  };

  return {
    open: async (name) => {
      const { inTurn, stores } = openOf(parseStoreName(name));
      return inTurn(async () => {
        const table = await translated(() => medium.open(name));
        const store = createStore(table, { translated, onClosed: () => stores.delete(store) });
        stores.add(store);
        return store;
      });
    },
    list: () => translated(() => medium.list()),
    delete: async (name) => {
      const { inTurn, stores } = openOf(parseStoreName(name));
      return inTurn(async () => {
        // One that does not close well is deleted all the same.
        await Promise.allSettled([...stores].map((store) => store.close()));
        await translated(() => medium.delete(name));
      });
    },
  };
};

/** Makes sure that a task throws nothing but `StorageError`. */
type Translated = <T>(task: () => Promise<T>) => Promise<T>;

/** What no medium knows more of. */
export const toFailure = (error: unknown): StorageError =>
  new StorageError("failed", "The device could not read or write", { cause: error });

interface StoreOptions {
  readonly translated: Translated;
  readonly onClosed: () => void;
}

const createStore = (table: Table, { translated, onClosed }: StoreOptions): Store => {
  const inTurn = createSerialQueue();
  let closed: Promise<void> | undefined;

  const ask = <T>(task: () => Promise<T>): Promise<T> => {
    if (closed) throw new StorageError("closed", "The store was closed");
    return inTurn(() => translated(task));
  };

  return {
    get: async (key) => {
      const asked = parseKey(key);
      return ask(() => table.get(asked));
    },
    list: async (prefix) => {
      const asked = parseKey(prefix);
      return ask(() => table.list(asked));
    },
    keys: async (prefix) => {
      const asked = parseKey(prefix);
      return ask(() => table.keys(asked));
    },
    write: async (changes) => {
      // Copied now: what the caller does to them while they wait for their turn is the caller's own.
      const asked = changes.map(({ key, value }) => ({
        key: parseKey(key),
        value: value && new Uint8Array(value),
      }));
      return ask(async () => {
        if (asked.length > 0) await table.write(asked);
      });
    },
    purge: async () => ask(async () => table.purge?.()),
    close: async () => {
      closed ??= inTurn(() => translated(() => table.close())).finally(onClosed);
      return closed;
    },
  };
};
