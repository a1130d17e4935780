import { createIndexedDbStorage } from "@edvoyage/client-sdk/browser";
import { forceCloseDatabase } from "fake-indexeddb";
import { vi } from "vitest";
import { createFakeIndexedDb } from "./fake-indexed-db.ts";

/** Returns a change that puts one byte. */
export const put = (key: string) => ({ key, value: Uint8Array.of(1) });

/**
 * Opens a store in a fake browser. `connections` has every connection that was opened, oldest first; `open` is the browser's own
 * function.
 */
export const createIndexedDbScene = async () => {
  const browser = createFakeIndexedDb();
  const connections: IDBDatabase[] = [];
  const open = browser.indexedDB.open.bind(browser.indexedDB);
  vi.spyOn(browser.indexedDB, "open").mockImplementation((name, version) => {
    const request = open(name, version);
    request.addEventListener("success", () => connections.push(request.result));
    return request;
  });
  const storage = createIndexedDbStorage(browser);
  const store = await storage.open("store");
  return { ...browser, storage, store, connections, open };
};

/** Closes a connection as browsers do. The fake's types ask for the class where it takes a connection. */
export const forceClose = (connection: IDBDatabase): void =>
  void Reflect.apply(forceCloseDatabase, undefined, [connection]);
