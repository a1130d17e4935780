import {
  createBackup,
  listBackups,
  pruneBackups,
  type Backup,
  type BackupFile,
  type CopyProgress,
  type Database,
} from "@edvoyage/db";
import type { Audit } from "../audit/audit.ts";
import type { Clock } from "../platform/clock.ts";
import { AppError } from "../platform/errors.ts";

/** A new backup, and the paths of the older ones that were deleted. */
export interface BackupReport extends Backup {
  readonly removed: readonly string[];
}

/** The database as an admin sees it. */
export interface DatabaseStatus {
  readonly dialect: Database["dialect"];
  /** The name of its newest migration. */
  readonly schema: string;
  /** The epoch of the database. Restoring a backup begins the next one. */
  readonly epoch: number;
  readonly sizeBytes: number;
  readonly newestBackup: BackupFile | null;
  /** The progress of a running backup. */
  readonly backingUp: CopyProgress | null;
}

/** Makes backups of the database and reports its status. */
export interface Backups {
  /**
   * Makes and checks a backup, then deletes the oldest ones until `keep` are left. Default: all are kept.
   * Throws `conflict` on PostgreSQL and while another backup runs, `storage/full`, `server/unavailable`.
   */
  create(options: { readonly keep?: number | undefined }): Promise<BackupReport>;
  status(): Promise<DatabaseStatus>;
  /** Aborts a running backup. */
  close(): void;
}

export interface BackupsDeps {
  readonly database: Database;
  readonly audit: Audit;
  readonly clock: Clock;
  /** The folder of the backups. It comes from the configuration, never from a request. */
  readonly folder: string;
}

export const createBackups = ({ database, audit, clock, folder }: BackupsDeps): Backups => {
  const closing = new AbortController();
  let backingUp: CopyProgress | undefined;

  return {
    create: async ({ keep }) => {
      if (!canBeCopied(database))
        throw new AppError(
          "conflict",
          "PostgreSQL has its own backup program. Use pg_dump for this database.",
        );
      if (backingUp) throw new AppError("conflict", "Another backup is already running.");
      backingUp = { copiedBytes: 0, totalBytes: 0 };
      try {
        const backup = await createBackup(database, {
          folder,
          now: clock.now(),
          onProgress: (progress) => (backingUp = progress),
          signal: closing.signal,
        });
        const removed = keep === undefined ? [] : pruneBackups(folder, keep);
        await database.write((tx) =>
          audit.record(tx, {
            at: clock.now(),
            action: "database.backed-up",
            actor: "admin",
            reason: `${backup.path}, ${backup.sizeBytes} bytes, ${removed.length} older ones removed`,
          }),
        );
        return { ...backup, removed };
      } finally {
        backingUp = undefined;
      }
    },

    status: async () => {
      const row = await database.read.kysely
        .selectFrom("database_epoch")
        .select("epoch")
        .executeTakeFirstOrThrow();
      return {
        dialect: database.dialect,
        schema: database.schema,
        epoch: row.epoch,
        sizeBytes: await database.sizeBytes(),
        newestBackup: listBackups(folder)[0] ?? null,
        backingUp: backingUp ?? null,
      };
    },

    close: () =>
      closing.abort(new AppError("conflict", "The backup was aborted because the server is shutting down.")),
  };
};

type CopyableDatabase = Database & { readonly copyTo: NonNullable<Database["copyTo"]> };

const canBeCopied = (database: Database): database is CopyableDatabase => database.copyTo !== undefined;
