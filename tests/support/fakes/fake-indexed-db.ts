import { IDBFactory as Factory, IDBKeyRange, IDBObjectStore as ObjectStore } from "fake-indexeddb";
import { vi } from "vitest";

/** A browser's IndexedDB that nothing else shares. */
export interface FakeIndexedDb {
  readonly indexedDB: IDBFactory;
  readonly IDBKeyRange: typeof IDBKeyRange;
  /** Makes the site's quota full. Returns a function that frees it. */
  fill(): () => void;
}

/** A value of this size still fits on a full disk. */
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
        // Browsers detect this after the call, and abort the transaction.
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
