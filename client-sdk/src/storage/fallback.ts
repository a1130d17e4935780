import { isStorageError, type StorageAdapter } from "./storage.ts";

/**
 * Uses `durable`, or `memory` if the first store cannot be opened there ("unavailable"). Never changes over later: data
 * that is on the disk must not seem to be gone.
 */
export const createFallbackStorage = (durable: StorageAdapter, memory: StorageAdapter): StorageAdapter => {
  let active = durable;
  let isDecided = false;

  const attempt = async <T>(use: (adapter: StorageAdapter) => Promise<T>): Promise<T> => {
    try {
      const result = await use(active);
      isDecided = true;
      return result;
    } catch (error) {
      if (isDecided || !isStorageError(error) || error.kind !== "unavailable") throw error;
      isDecided = true;
      active = memory;
      return use(active);
    }
  };

  return {
    open: (name) => attempt((adapter) => adapter.open(name)),
    list: () => attempt((adapter) => adapter.list()),
    delete: (name) => attempt((adapter) => adapter.delete(name)),
    // Tabs share no memory, so a tab without a disk must not wait for another one to send.
    get peers() {
      return active.peers;
    },
    get durability() {
      return active.durability;
    },
    watchDeletions: (listener) => durable.watchDeletions?.(listener) ?? (() => {}),
  };
};
