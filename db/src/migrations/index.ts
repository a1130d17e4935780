import { Migrator, sql, type Kysely, type Migration } from "kysely";
import type { DialectName } from "../database.ts";
import { StorageError } from "../storage-error.ts";
import { createHeartbeat } from "./0001-heartbeat.ts";
import { createSignIn } from "./0002-sign-in.ts";
import { createSessions } from "./0003-sessions.ts";
import { createAuditLog } from "./0004-audit-log.ts";
import { createCatalogue } from "./0005-catalogue.ts";
import { createLogs } from "./0006-logs.ts";
import { createDocuments } from "./0007-documents.ts";
import { createChat } from "./0008-chat.ts";
import { createNotifications } from "./0009-notifications.ts";
import { createAccount } from "./0010-account.ts";
import { createContactNumbers } from "./0011-contact-numbers.ts";
import { createApplications } from "./0012-applications.ts";
import { createSocial } from "./0013-social.ts";
import { createPush } from "./0014-push.ts";
import { createDemoWorlds } from "./0015-demo-worlds.ts";
import { shrinkAnswers } from "./0016-receipts.ts";
import { createKnownDevices } from "./0017-known-devices.ts";
import { createSessionEnds } from "./0018-session-ends.ts";
import { createEphemeralSessions } from "./0019-ephemeral-sessions.ts";
import { createClock } from "./0020-clock.ts";

/** Append-only: a published migration is never changed. */
const migrations = (dialect: DialectName): Record<string, Migration> => ({
  "0001-heartbeat": createHeartbeat,
  "0002-sign-in": createSignIn(dialect),
  "0003-sessions": createSessions(dialect),
  "0004-audit-log": createAuditLog(dialect),
  "0005-catalogue": createCatalogue(dialect),
  "0006-logs": createLogs(dialect),
  "0007-documents": createDocuments(dialect),
  "0008-chat": createChat(dialect),
  "0009-notifications": createNotifications(dialect),
  "0010-account": createAccount(dialect),
  "0011-contact-numbers": createContactNumbers(dialect),
  "0012-applications": createApplications(dialect),
  "0013-social": createSocial(dialect),
  "0014-push": createPush(dialect),
  "0015-demo-worlds": createDemoWorlds,
  "0016-receipts": shrinkAnswers(dialect),
  "0017-known-devices": createKnownDevices,
  "0018-session-ends": createSessionEnds(dialect),
  "0019-ephemeral-sessions": createEphemeralSessions,
  "0020-clock": createClock,
});

/** The names of all migrations, oldest first. */
export const migrationNames: readonly string[] = Object.keys(migrations("sqlite")).sort();

/** The name of the newest migration. */
export const newestMigration: string = migrationNames.at(-1) ?? "";

/** Runs all missing migrations. Several nodes may call it at once, because Kysely takes a lock. */
export const migrateToLatest = async <Schema>(
  kysely: Kysely<Schema>,
  dialect: DialectName,
): Promise<void> => {
  if (await isAtLatest(kysely)) return;
  const migrator = new Migrator({
    db: kysely,
    provider: { getMigrations: async () => migrations(dialect) },
  });
  const { error, results = [] } = await migrator.migrateToLatest();
  // The database failed, not the migration: report it as it is.
  if (error instanceof StorageError) throw error;
  if (error) {
    const failed = results.find((result) => result.status === "Error");
    throw new Error(
      `Migration ${failed?.migrationName ?? ""} failed: ${error instanceof Error ? error.message : "unknown error"}`,
      { cause: error },
    );
  }
};

/**
 * Returns whether exactly the migrations of this version were applied. Kysely's migrator describes all tables before it
 * finds that nothing is to do, which costs about 150 ms on PostgreSQL at each start.
 */
const isAtLatest = async <Schema>(kysely: Kysely<Schema>): Promise<boolean> => {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`
    .execute(kysely)
    // A new database has no such table. Any other fault meets the migrator too, which reports it.
    .catch(() => ({ rows: [] }));
  return rows.map(({ name }) => name).join() === migrationNames.join();
};
