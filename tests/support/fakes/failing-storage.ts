import {
  StorageError,
  type StorageAdapter,
  type StorageErrorKind,
} from "@edvoyage/client-sdk/storage/contract";

/** Storage whose writes can be made to fail, as on a full or broken device. */
export interface FailingStorage extends StorageAdapter {
  /** Makes every write fail, also in stores that are already open. */
  failWrites(kind: Exclude<StorageErrorKind, "closed">): void;
  /** Lets writes succeed again. */
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
