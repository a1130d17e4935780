export { createBackup, listBackups, pruneBackups, type Backup, type BackupFile } from "./backup/backup.ts";
export { BackupError, type BackupErrorKind } from "./backup/backup-error.ts";
export type { Replay } from "./backup/restored-identity.ts";
export { restoreBackup, restoreSteps, type Restoration, type RestoreStep } from "./backup/restore.ts";
export type { CopyProgress, Database, DialectName, Queries, UnitOfWork } from "./database.ts";
export { openDatabase } from "./open-database.ts";
// For conditions that Kysely cannot express.
export { sql, type ExpressionBuilder, type RawBuilder, type SqlBool } from "kysely";
// Exported for its test: after later migrations there is no way back to a schema without it.
export { shrinkAnswersSql } from "./migrations/0016-receipts.ts";
export { prepare, type Prepared, type SqlValue } from "./prepared.ts";
export { createFile, makeFolder, publishFile, syncFile, syncFolder } from "./durable-file.ts";
export { StorageError, type StorageErrorKind } from "./storage-error.ts";
export type { Tables } from "./tables/index.ts";
export type { PushKind } from "./tables/push.ts";
export type { DeviceKey } from "./tables/sign-in.ts";
export type { SessionEnd } from "./tables/sessions.ts";
