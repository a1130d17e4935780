// The server's code, for the terminal program (`--db`) and for tests.
export { restoreFromBackup, type Restoration } from "./backups/restore.ts";
export { systemClock, type Clock } from "./clock.ts";
export { ConfigError, parseConfig, type Config } from "./config.ts";
export { createNewId, sha256, systemRandom, type Random } from "./crypto.ts";
export { prepareDataDir } from "./data-dir.ts";
export { AppError } from "./errors.ts";
export { createDetachedErasure } from "./detached-erasure.ts";
export { createLog } from "./log.ts";
export { createServer, type Server, type ServerDeps } from "./server.ts";
export { createConsoleSms } from "./sms/console.ts";
export { createFileSms } from "./sms/file.ts";
export { SmsRefusedError, type SmsMessage, type SmsProvider } from "./sms/sms.ts";
export { createWebhookSms } from "./sms/webhook.ts";
export { createLogs, type Logs } from "./sync/logs.ts";
export { createSync, type LogAccess, type Sync } from "./sync/sync.ts";
export { DocumentRefusal } from "./sync/document-refusal.ts";
export { createDocuments, type Documents, type UpdateOrigin } from "./sync/documents.ts";
