import { createIndexedDbStorage } from "@edvoyage/client-sdk/browser";
import { IDBDatabase as Database } from "fake-indexeddb";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createFakeIndexedDb } from "../support/fakes/fake-indexed-db.ts";
import { createIndexedDbScene as createScene, forceClose, put } from "../support/fakes/indexed-db-scene.ts";

/** Makes the next transactions of every connection fail to begin. */
const failTransactions = (error: Error): { readonly failed: () => number; readonly stop: () => void } => {
  const spy = vi.spyOn(Database.prototype, "transaction").mockImplementation(() => {
    throw error;
  });
  onTestFinished(() => spy.mockRestore());
  return { failed: () => spy.mock.calls.length, stop: () => spy.mockRestore() };
};

test("nothing of the browser is touched before a store is opened", async () => {
  const storage = createIndexedDbStorage();
  expect(storage.peers).toBeDefined();

  // Node has no IndexedDB.
  await expect(storage.open("store")).rejects.toMatchObject({ name: "StorageError", kind: "unavailable" });
  await expect(storage.list()).rejects.toMatchObject({ kind: "unavailable" });
});

test("a write waits for the disk", async () => {
  const { store } = await createScene();
  const begun = vi.spyOn(Database.prototype, "transaction");
  onTestFinished(() => begun.mockRestore());

  await store.write([put("a")]);

  expect(begun.mock.calls).toEqual([["records", "readwrite", { durability: "strict" }]]);
});

describe("a connection that the browser closes", () => {
  test("reopens for the next request", async () => {
    const { store, connections } = await createScene();
    await store.write([put("a")]);

    for (const connection of connections) forceClose(connection);
    await store.write([put("b")]);

    expect(await store.keys("")).toEqual(["a", "b"]);
    expect(connections).toHaveLength(2);
  });

  test("reopens once if it was lost without an event, and retries failed requests in order", async () => {
    const { store, connections } = await createScene();
    const [connection] = connections;
    const lost = new DOMException(
      "Connection to Indexed Database server lost. Refresh the page to try again",
      "UnknownError",
    );
    vi.spyOn(connection ?? expect.fail(), "transaction").mockImplementation(() => {
      throw lost;
    });

    await Promise.all([
      store.write([put("a")]),
      store.write([{ key: "a", value: null }]),
      store.write([put("b")]),
    ]);

    expect(await store.keys("")).toEqual(["b"]);
    expect(connections).toHaveLength(2);
  });

  test("fails requests when it is lost again and again, and the store works once that stops", async () => {
    const { store } = await createScene();
    const { failed, stop } = failTransactions(
      new DOMException("The connection is closing", "InvalidStateError"),
    );

    await expect(store.write([put("a")])).rejects.toMatchObject({ kind: "failed" });
    expect(failed()).toBe(2);
    stop();
    await store.write([put("b")]);

    expect(await store.keys("")).toEqual(["b"]);
  });

  test("closes the store if its data is gone too: nothing is written to an empty store", async () => {
    const { store, connections, indexedDB } = await createScene();
    await store.write([put("a")]);

    // Browsers do this when the student clears the site's data.
    for (const connection of connections) forceClose(connection);
    await new Promise((resolve) => (indexedDB.deleteDatabase("edvoyage/store").onsuccess = resolve));

    await expect(store.write([put("b")])).rejects.toMatchObject({ kind: "closed" });
    await expect(store.get("a")).rejects.toMatchObject({ kind: "closed" });
    expect(await indexedDB.databases()).toEqual([]);
  });
});

test("a failure of another kind is not retried", async () => {
  const { store } = await createScene();
  const { failed } = failTransactions(new DOMException("No", "DataError"));

  await expect(store.write([put("a")])).rejects.toMatchObject({ kind: "failed" });

  expect(failed()).toBe(1);
});

test("a deletion that another tab blocks empties the store at once, and completes when that tab closes its connection", async () => {
  const { storage, store, indexedDB } = await createScene();
  await store.write([put("a")]);
  // A tab that ignores the request to close.
  const stuckConnection = await new Promise<IDBDatabase>((resolve) => {
    const request = indexedDB.open("edvoyage/store");
    request.onsuccess = () => resolve(request.result);
  });
  const versionChangeRequested = new Promise((resolve) => (stuckConnection.onversionchange = resolve));
  const order: string[] = [];

  const deleted = storage.delete("store").then(() => order.push("deleted"));
  await versionChangeRequested;
  const count = await new Promise((resolve) => {
    const request = stuckConnection.transaction("records").objectStore("records").count();
    request.onsuccess = () => resolve(request.result);
  });
  order.push("let go");
  stuckConnection.close();
  await deleted;

  expect(count).toBe(0);
  expect(order).toEqual(["let go", "deleted"]);
  expect(await storage.list()).toEqual([]);
});

describe("a tab that never closes its connection, like one that a phone has suspended", () => {
  const createStuckScene = async () => {
    const scene = await createScene();
    await scene.store.write([put("a")]);
    const stuckConnection = await new Promise<IDBDatabase>((resolve) => {
      const request = scene.indexedDB.open("edvoyage/store");
      request.onsuccess = () => resolve(request.result);
    });
    const versionChangeRequested = new Promise((resolve) => (stuckConnection.onversionchange = resolve));
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    return { ...scene, stuckConnection, versionChangeRequested };
  };

  test("blocks a deletion only for a while: the store is empty, and is deleted when that tab is gone", async () => {
    const { storage, stuckConnection, versionChangeRequested } = await createStuckScene();

    const deleted = storage.delete("store");
    await versionChangeRequested;
    await vi.advanceTimersByTimeAsync(5_000);
    await deleted;

    const opened = storage.open("store");
    stuckConnection.close();
    expect(await (await opened).keys("")).toEqual([]);
  });

  test("blocks an opening only for a while, and the store can be opened when that tab is gone", async () => {
    const { storage, stuckConnection, versionChangeRequested } = await createStuckScene();
    const deleted = storage.delete("store");
    await versionChangeRequested;
    await vi.advanceTimersByTimeAsync(5_000);
    await deleted;

    const failure = storage.open("store").catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await failure).toMatchObject({ name: "StorageError", kind: "failed" });
    stuckConnection.close();

    const again = await storage.open("store");
    await again.write([put("b")]);
    expect(await again.keys("")).toEqual(["b"]);
    // The connection that opened too late blocks nothing itself.
    await storage.delete("store");
    expect(await storage.list()).toEqual([]);
  });

  test("makes a deletion fail that could not even empty the store", async () => {
    const { storage, versionChangeRequested } = await createStuckScene();
    const { stop } = failTransactions(new DOMException("No", "UnknownError"));

    const failure = storage.delete("store").catch((error: unknown) => error);
    await versionChangeRequested;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await failure).toMatchObject({ name: "StorageError", kind: "failed" });
    stop();
  });
});

test("databases of others on the same origin are not listed", async () => {
  const { storage, indexedDB } = await createScene();
  const other = createIndexedDbStorage({
    indexedDB,
    IDBKeyRange: createFakeIndexedDb().IDBKeyRange,
    prefix: "other",
  });
  await (await other.open("theirs")).close();
  await new Promise((resolve) => (indexedDB.open("edvoyage/Not a store").onsuccess = resolve));

  expect(await storage.list()).toEqual(["store"]);
  expect(await other.list()).toEqual(["theirs"]);
});
