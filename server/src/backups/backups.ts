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

/** A new backup, and which older ones had to go. */
export interface BackupReport extends Backup {
  readonly removed: readonly string[];
}

/** The database as an admin sees it. */
export interface DatabaseStatus {
  readonly dialect: Database["dialect"];
  /** Its newest migration. */
  readonly schema: string;
  /** Which life of the database this is: restoring a backup begins the next. */
  readonly epoch: number;
  readonly sizeBytes: number;
  readonly newestBackup: BackupFile | null;
  /** How far the copy has come of a backup that is under way. */
  readonly backingUp: CopyProgress | null;
}

/** Copies of the database that can be restored. */
export interface Backups {
  /**
   * Makes and checks one, and deletes the oldest until `keep` are left.
   * Throws `conflict` while another is under way and on PostgreSQL, `storage/full`, `server/unavailable`.
   */
  create(options: { readonly keep?: number | undefined }): Promise<BackupReport>;
  status(): Promise<DatabaseStatus>;
  /** Stops one that is under way. */
  close(): void;
}

export interface BackupsDeps {
  readonly database: Database;
  readonly audit: Audit;
  readonly clock: Clock;
  /** Where they go: never anywhere that a request says. */
  readonly folder: string;
}

export const createBackups = ({ database, audit, clock, folder }: BackupsDeps): Backups => {
  const closing = new AbortController();
  let backingUp: CopyProgress | undefined;

  return {
    create: async ({ keep }) => {
      if (!canBeCopied(database))
        throw new AppError("conflict", "PostgreSQL has its own: back this database up with pg_dump.");
      if (backingUp) throw new AppError("conflict", "Another backup is under way.");
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

    close: () => closing.abort(new AppError("conflict", "The server stops: the backup was given up.")),
  };
};

type CopyableDatabase = Database & { readonly copyTo: NonNullable<Database["copyTo"]> };

const canBeCopied = (database: Database): database is CopyableDatabase => database.copyTo !== undefined;
