export { browserAppState, browserNetwork } from "./browser-monitors.ts";
export { createIndexedDbStorage, type IndexedDbStorageOptions } from "./storage/indexed-db.ts";
