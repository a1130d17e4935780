import { createIndexedDbStorage } from "@edvoyage/client-sdk/browser";
import { IDBDatabase as Database } from "fake-indexeddb";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createFakeIndexedDb } from "../support/fakes/fake-indexed-db.ts";
import { createIndexedDbScene as createScene, forceClose, put } from "../support/fakes/indexed-db-scene.ts";

/** Makes transactions that nothing ever answers, until `free` is called. Returns the modes of those that were aborted. */
const stallTransactions = () => {
  const begin = Database.prototype.transaction;
  const aborted: string[] = [];
  let isStalled = true;
  const spy = vi.spyOn(Database.prototype, "transaction").mockImplementation(function (
    this: IDBDatabase,
    ...call: Parameters<typeof begin>
  ) {
    const transaction = begin.apply(this, call);
    if (!isStalled) return transaction;
    const abort = transaction.abort.bind(transaction);
    // Nothing of it is ever answered.
    for (const event of ["oncomplete", "onabort"])
      Object.defineProperty(transaction, event, { set: () => {} });
    vi.spyOn(transaction, "objectStore").mockImplementation(() => {
      const ignored = { set onsuccess(_listener: unknown) {}, set onerror(_listener: unknown) {} };
      return Object.assign(Object.create(null), {
        put: () => ignored,
        delete: () => ignored,
        getAllKeys: () => ignored,
      });
    });
    transaction.abort = () => {
      aborted.push(transaction.mode);
      abort();
    };
    return transaction;
  });
  onTestFinished(() => spy.mockRestore());
  return { aborted, free: () => (isStalled = false) };
};

describe("a transaction that never ends", () => {
  test("fails after 30 seconds, is aborted, and the store works on a new connection afterwards", async () => {
    const { store, connections } = await createScene();
    const { aborted, free } = stallTransactions();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());

    const failures = [store.write([put("a")]), store.keys("")].map((call) =>
      call.catch((error: unknown) => error),
    );
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await failures[0]).toMatchObject({ name: "StorageError", kind: "failed" });
    // Calls that waited behind it do not wait that long again.
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await failures[1]).toMatchObject({ kind: "failed" });
    free();
    vi.useRealTimers();
    await store.write([put("b")]);

    expect(await store.keys("")).toEqual(["b"]);
    expect(aborted).toEqual(["readwrite", "readonly"]);
    expect(connections.length).toBeGreaterThan(1);
  });
});

describe("databases of a newer version of the app", () => {
  const upgrade = (indexedDB: IDBFactory): Promise<void> =>
    new Promise((resolve, reject) => {
      const request = indexedDB.open("edvoyage/store", 2);
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        request.result.close();
        resolve();
      };
    });

  test("cannot be opened by an older version, and stay as they are", async () => {
    const { storage, store, indexedDB } = await createScene();
    await store.close();
    await upgrade(indexedDB);

    await expect(storage.open("store")).rejects.toMatchObject({ name: "StorageError", kind: "newer" });

    expect(await indexedDB.databases()).toEqual([{ name: "edvoyage/store", version: 2 }]);
  });

  test("end the stores of tabs that still run the older version", async () => {
    const { storage, store, indexedDB } = await createScene();
    let deletions = 0;
    storage.watchDeletions?.(() => (deletions += 1));

    await upgrade(indexedDB);

    await expect(store.write([put("a")])).rejects.toMatchObject({ kind: "newer" });
    expect(deletions).toBe(0);
  });
});

describe("a browser without IndexedDB", () => {
  const insecure = (): never => {
    throw new DOMException("The operation is insecure.", "SecurityError");
  };
  const withoutDatabases = {
    "that blocks it": () => {
      const { indexedDB, IDBKeyRange } = createFakeIndexedDb();
      vi.spyOn(indexedDB, "open").mockImplementation(insecure);
      vi.spyOn(indexedDB, "databases").mockImplementation(insecure);
      return { indexedDB, IDBKeyRange };
    },
    "that refuses private windows": () => {
      const { indexedDB, IDBKeyRange } = createFakeIndexedDb();
      const error = new DOMException("A mutation operation was attempted", "InvalidStateError");
      vi.spyOn(indexedDB, "open").mockImplementation(() => {
        const request = Object.assign(Object.create(null), { error });
        queueMicrotask(() => request.onerror());
        return request;
      });
      return { indexedDB, IDBKeyRange };
    },
    "that has none at all": () => ({}),
  };

  describe.each(Object.entries(withoutDatabases))("%s", (_what, browserOptions) => {
    test("cannot open a store, and says why", async () => {
      const storage = createIndexedDbStorage(browserOptions());

      await expect(storage.open("store")).rejects.toMatchObject({
        name: "StorageError",
        kind: "unavailable",
      });
      expect(storage.durability ?? "durable").toBe("durable");
    });

    test("keeps the data in memory if the app asks for that", async () => {
      const storage = createIndexedDbStorage({ ...browserOptions(), fallback: "memory" });
      const other = createIndexedDbStorage({ ...browserOptions(), fallback: "memory" });
      const heard: string[] = [];

      const store = await storage.open("store");
      await store.write([put("a")]);
      other.peers?.subscribe((topic) => heard.push(topic));
      await (await other.open("store")).close();

      expect(storage.durability).toBe("memory");
      expect(await (await storage.open("store")).keys("")).toEqual(["a"]);
      expect(await storage.list()).toEqual(["store"]);
      // Another tab has a memory of its own, so neither waits for the other one.
      const acquired = new Promise<void>((resolve) => storage.peers?.acquire("sender", () => resolve()));
      const alsoAcquired = new Promise<void>((resolve) => other.peers?.acquire("sender", () => resolve()));
      await Promise.all([acquired, alsoAcquired]);
      expect(heard).toEqual([]);
    });
  });

  test("never changes over to memory once a store was opened on the disk", async () => {
    const browser = createFakeIndexedDb();
    const storage = createIndexedDbStorage({ ...browser, fallback: "memory" });
    const store = await storage.open("store");
    await store.write([put("a")]);
    vi.spyOn(browser.indexedDB, "open").mockImplementation(insecure);

    await expect(storage.open("other")).rejects.toMatchObject({ kind: "unavailable" });
    expect(storage.durability ?? "durable").toBe("durable");
    expect(await store.keys("")).toEqual(["a"]);
  });
});

describe("the listeners for deletions", () => {
  test("hear that the browser has deleted a store under the page, before anything calls it", async () => {
    const { storage, indexedDB, connections, open } = await createScene();
    const heard = new Promise<void>((resolve) => storage.watchDeletions?.(resolve));
    // The store is gone by the time its connection is.
    vi.spyOn(indexedDB, "open").mockImplementation((name, version) => open(`${name}-gone`, version));

    for (const connection of connections) forceClose(connection);

    await heard;
  });

  test("do not hear of a connection that was lost while the data is still there", async () => {
    const { storage, store, connections } = await createScene();
    let heard = 0;
    storage.watchDeletions?.(() => (heard += 1));

    for (const connection of connections) forceClose(connection);
    await store.write([put("a")]);

    expect(heard).toBe(0);
  });

  test("do not hear of a store that this tab deletes itself", async () => {
    const { storage } = await createScene();
    let heard = 0;
    storage.watchDeletions?.(() => (heard += 1));

    await storage.delete("store");

    expect(heard).toBe(0);
  });
});
