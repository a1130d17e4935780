import { IDBFactory as Factory, IDBKeyRange, IDBObjectStore as ObjectStore } from "fake-indexeddb";
import { vi } from "vitest";

/** A browser's IndexedDB, of its own. */
export interface FakeIndexedDb {
  readonly indexedDB: IDBFactory;
  readonly IDBKeyRange: typeof IDBKeyRange;
  /** Gives the site no more room, until what it returns is called. */
  fill(): () => void;
}

/** Fits into what a full disk has left. */
const SMALL_BYTES = 1_024;

export const createFakeIndexedDb = (): FakeIndexedDb => ({
  indexedDB: new Factory(),
  IDBKeyRange,
  fill: () => {
    const put = ObjectStore.prototype.put;
    const spy = vi.spyOn(ObjectStore.prototype, "put").mockImplementation(function (
      this: IDBObjectStore,
      value: unknown,
      key?: IDBValidKey,
    ) {
      const request = put.call(this, value, key);
      if (value instanceof Uint8Array && value.byteLength > SMALL_BYTES) {
        const { transaction } = this;
        // Browsers find out later than at the call, and abort the transaction.
        queueMicrotask(() => {
          transaction.abort();
          Object.defineProperty(transaction, "error", {
            value: new DOMException("The quota has been exceeded.", "QuotaExceededError"),
          });
        });
      }
      return request;
    });
    return () => spy.mockRestore();
  },
});
