import { closeSync, existsSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import type { CopyProgress, Database } from "../database.ts";
import { makeFolder, publishFile, syncFolder } from "../durable-file.ts";
import { StorageError } from "../storage-error.ts";
import { BackupError } from "./backup-error.ts";
import { migrationNames } from "../migrations/index.ts";
import { verifyCopyInBackground } from "./verification.ts";

/** A complete and checked backup on the disk. */
export interface Backup {
  readonly path: string;
  readonly sizeBytes: number;
  /** The epoch of the database that it holds. */
  readonly epoch: number;
  /** The backup holds everything that was committed before this moment, and may hold some complete later commits. */
  readonly takenAt: number;
}

/** A backup file in a folder. */
export type BackupFile = Pick<Backup, "path" | "sizeBytes" | "takenAt">;

/** Space that must stay free beside the copy; otherwise a backup could fill the disk and stop the database. */
const SPARE_BYTES = 16 * 1024 * 1024;
const PARTIAL = ".partial";
/** Names of backup files; their alphabetical order is the order in time. */
const FILE_NAME = /^edvoyage-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)\.(\d{3})Z(?:_\d+)?\.sqlite$/;

/**
 * Copies a SQLite database to a new file in `folder` while it is in use, and checks the copy. The file gets its name when
 * it is complete; a crash leaves a `.partial` file, which the next backup removes. Run only one backup at a time in a
 * folder. Throws `StorageError`: `full` before it begins if the disk has no room, `unavailable` if the copy fails its
 * checks.
 */
export const createBackup = async (
  database: Database & { readonly copyTo: NonNullable<Database["copyTo"]> },
  options: {
    readonly folder: string;
    readonly now: number;
    readonly onProgress: (progress: CopyProgress) => void;
    readonly signal: AbortSignal;
  },
): Promise<Backup> => {
  const { folder, now, onProgress, signal } = options;
  makeFolder(folder);
  removePartials(folder);
  await assertRoom(folder, await database.sizeBytes());
  const path = nameBackup(folder, now);
  const partial = path + PARTIAL;
  try {
    // Create the file here to set its mode; SQLite would use the default mode of the process.
    closeSync(openSync(partial, "wx", 0o600));
    await database.copyTo(partial, { onProgress, signal });
    const { epoch } = await verifyCopyInBackground({ path: partial, migrationNames }, signal);
    signal.throwIfAborted();
    await publishFile(partial, path);
    return { path, sizeBytes: statSync(path).size, epoch, takenAt: now };
  } catch (error) {
    removePartials(folder);
    if (!(error instanceof BackupError)) throw error;
    const message = `The copy failed its checks, so the database itself may be damaged (${error.message})`;
    throw new StorageError("unavailable", message, { cause: error });
  }
};

/** Lists the backups in a folder, newest first. */
export const listBackups = (folder: string): BackupFile[] =>
  (existsSync(folder) ? readdirSync(folder) : [])
    .filter((name) => FILE_NAME.test(name))
    .sort()
    .reverse()
    .map((name) => {
      const path = join(folder, name);
      return { path, sizeBytes: statSync(path).size, takenAt: nameToInstant(name) };
    });

/** Deletes all backups in a folder except the newest `keep`; returns the deleted paths. */
export const pruneBackups = (folder: string, keep: number): string[] => {
  const old = listBackups(folder)
    .slice(keep)
    .map(({ path }) => path);
  for (const path of old) rmSync(path);
  // The deletion must be durable before it is reported, because a backup may hold a student who was erased since.
  if (old.length > 0) syncFolder(folder);
  return old;
};

/** Formats an instant for a file name, in UTC with milliseconds: `20261123T225250.123Z`. */
export const instantToName = (at: number): string => new Date(at).toISOString().replaceAll(/[-:]/g, "");

const nameToInstant = (name: string): number => Date.parse(name.replace(FILE_NAME, "$1-$2-$3T$4:$5:$6.$7Z"));

const nameBackup = (folder: string, now: number): string => {
  const stem = join(folder, `edvoyage-${instantToName(now)}`);
  let path = `${stem}.sqlite`;
  for (let count = 2; existsSync(path); count += 1) path = `${stem}_${count}.sqlite`;
  return path;
};

const removePartials = (folder: string): void => {
  for (const name of readdirSync(folder))
    if (name.startsWith("edvoyage-") && name.includes(`.sqlite${PARTIAL}`)) rmSync(join(folder, name));
};

const assertRoom = async (folder: string, sizeBytes: number): Promise<void> => {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < sizeBytes + SPARE_BYTES)
    throw new StorageError("full", "The disk has no room for a backup");
};
