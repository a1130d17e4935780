import type { ClientEnvironment } from "../runtime/environment.ts";
import { createRecords, type Records } from "./records.ts";
import { isStorageError, type Store } from "./storage.ts";

/**
 * Opens a store as checked records. Reports each damaged record, and reports `storage-lost` for a store that was closed by
 * something else: the caller has to find out whether it was lost, or deleted by another program of this app.
 */
export const openRecords = async (
  name: string,
  { storage, report }: Pick<ClientEnvironment, "storage" | "report">,
): Promise<Records> => {
  const onClosed = (): void => report({ kind: "storage-lost", message: `The store ${name} was deleted.` });
  return createRecords(watchStore(await storage.open(name), onClosed), {
    onDamaged: (key) => report({ kind: "record-damaged", message: `The record ${key} was damaged.` }),
  });
};

/** Calls `onClosed` when a call fails because the store is closed, unless it was closed here. */
const watchStore = (store: Store, onClosed: () => void): Store => {
  let isClosed = false;
  const watch = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      if (!isClosed && isStorageError(error) && error.kind === "closed") onClosed();
      throw error;
    }
  };
  const { purge } = store;
  return {
    get: (key) => watch(store.get(key)),
    list: (prefix) => watch(store.list(prefix)),
    keys: (prefix) => watch(store.keys(prefix)),
    write: (changes) => watch(store.write(changes)),
    ...(purge ? { purge: () => watch(purge.call(store)) } : {}),
    close: () => {
      isClosed = true;
      return store.close();
    },
  };
};
