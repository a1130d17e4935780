export { createSqliteStorage, type SqliteStorageOptions } from "./storage/node-sqlite.ts";
