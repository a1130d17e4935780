import {
  StorageError,
  type StorageAdapter,
  type StorageErrorKind,
} from "@edvoyage/client-sdk/storage/contract";

/** Storage whose writes can be made to fail, as on a device that is full or broken. */
export interface FailingStorage extends StorageAdapter {
  /** Lets every write fail, of stores that are open too. */
  failWrites(kind: Exclude<StorageErrorKind, "closed">): void;
  /** Lets them work again. */
  mend(): void;
}

export const createFailingStorage = (storage: StorageAdapter): FailingStorage => {
  let failure: StorageErrorKind | undefined;
  return {
    ...storage,
    open: async (name) => {
      const store = await storage.open(name);
      return {
        ...store,
        write: async (changes) => {
          if (failure) throw new StorageError(failure, "Made to fail");
          return store.write(changes);
        },
      };
    },
    failWrites: (kind) => (failure = kind),
    mend: () => (failure = undefined),
  };
};
