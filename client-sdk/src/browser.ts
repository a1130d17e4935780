export { browserAppState, browserNetwork } from "./platform/browser-monitors.ts";
export { createIndexedDbStorage, type IndexedDbStorageOptions } from "./storage/indexed-db.ts";
