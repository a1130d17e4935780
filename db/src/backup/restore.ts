import SqliteDriver from "better-sqlite3";
import { chmodSync, constants, existsSync, linkSync, renameSync, rmSync, statSync } from "node:fs";
import { copyFile, open } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { lockFile, migrateConnection } from "../dialects/sqlite.ts";
import { makeFolder, syncFile, syncFolder } from "../durable-file.ts";
import { StorageError } from "../storage-error.ts";
import { BackupError } from "./backup-error.ts";
import { instantToName } from "./backup.ts";
import { restoreIdentity, type LifeDeps, type RestoredIdentity, type Replaced } from "./restored-identity.ts";
import { migrationNames } from "../migrations/index.ts";
import { verifyCopy } from "./verification.ts";

/** The steps of a restore, in order. */
export const restoreSteps = [
  "copy",
  "check",
  "migrate",
  "renew",
  "erase",
  "keep",
  "replace",
  "finish",
] as const;

/** A step of a restore. */
export type RestoreStep = (typeof restoreSteps)[number];

/** The result of a restore. */
export interface Restoration extends RestoredIdentity {
  /** The path of the restored database. */
  readonly path: string;
  /** The schema of the backup before the migration. */
  readonly schemaBefore: string;
  /** The path of the kept previous database; `undefined` when there was none. */
  readonly kept: string | undefined;
}

const SQLITE_HEADER = "SQLite format 3\0";

/**
 * Replaces the SQLite database `target` by a backup. No server may have the target open meanwhile. The backup itself is
 * only read. All work happens on a copy beside the target. When the copy is complete and on the disk, an atomic rename
 * gives it the target's name, so a crash at any time leaves either the old or the new database, never part of one and
 * never none. Throws `BackupError` and `StorageError` (`locked`: it is in use); nothing was changed then.
 */
export const restoreBackup = async (
  { source, target }: { readonly source: string; readonly target: string },
  options: LifeDeps & {
    /** Called before each step; the steps themselves block the thread. */
    readonly onStep: (step: RestoreStep) => Promise<void>;
    /** Erases the students who are due from the database file, and scrubs the file. Nobody else has the file open. */
    readonly eraseAgain: (path: string) => Promise<void>;
    /** Stops the restore before the next step. After `keep` has begun, the restore runs to its end. */
    readonly signal: AbortSignal;
  },
): Promise<Restoration> => {
  const { signal, now } = options;
  await assertLooksWhole(source, target);
  makeFolder(dirname(target));
  const lock = lockFile(target);
  const draft = `${target}.restoring`;
  const begin = async (step: RestoreStep): Promise<void> => {
    await options.onStep(step);
    signal.throwIfAborted();
  };
  try {
    removeDatabase(draft);
    await begin("copy");
    await copyFile(source, draft, constants.COPYFILE_FICLONE);
    chmodSync(draft, 0o600);
    await begin("check");
    const { schema: schemaBefore } = withSourceInErrors(source, draft, () =>
      verifyCopy({ path: draft, migrationNames }),
    );

    await begin("migrate");
    await migrateFile(draft);
    await begin("renew");
    const replaced = closeReplaced(target);
    const identity = withDatabase(draft, (connection) =>
      restoreIdentity(connection, { replaced, source: basename(source), deps: options }),
    );
    await begin("erase");
    if (identity.erasures.state === "done" && identity.erasures.entries + identity.erasures.students > 0) {
      await options.eraseAgain(draft);
      // Opening and closing it makes it a single file again.
      withDatabase(draft, () => {});
    }
    await syncFile(draft);

    await begin("keep");
    const kept = replaced.state === "absent" ? undefined : await keepReplaced(target, now);
    // No abort from here on: otherwise the second name would stay on a database that is still in use.
    await options.onStep("replace");
    // Delete the log and index of an unreadable database; otherwise SQLite would apply the log to the new database.
    for (const suffix of ["-wal", "-shm"]) rmSync(target + suffix, { force: true });
    // Sync before the rename; otherwise a power cut could keep the rename and bring the log back.
    syncFolder(dirname(target));
    renameSync(draft, target);
    syncFolder(dirname(target));
    await options.onStep("finish");
    return { ...identity, path: target, schemaBefore, kept };
  } finally {
    removeDatabase(draft);
    lock.close();
  }
};

/** Checks what can be checked before anything is copied. */
const assertLooksWhole = async (source: string, target: string): Promise<void> => {
  const found = statSync(source, { throwIfNoEntry: false });
  if (!found?.isFile()) throw new BackupError("missing", `There is no file ${source}`);
  if ((await readHeader(source)) !== SQLITE_HEADER)
    throw new BackupError("not-sqlite", `${source} is not a SQLite database`);
  const current = statSync(target, { throwIfNoEntry: false });
  if (current && current.ino === found.ino && current.dev === found.dev)
    throw new BackupError("same", `${source} is the database itself`);
  // The missing commits are in the -wal file, and nobody can tell whether the two files belong together.
  if ((statSync(`${source}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0)
    throw new BackupError("incomplete", `${source} was copied while it was in use: a -wal file is beside it`);
};

const readHeader = async (path: string): Promise<string> => {
  const file = await open(path, "r");
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(SQLITE_HEADER.length), 0);
    return buffer.toString("latin1", 0, bytesRead);
  } finally {
    await file.close();
  }
};

/** Names the file that the admin knows in errors, instead of the temporary copy. */
const withSourceInErrors = <T>(source: string, draft: string, verify: () => T): T => {
  try {
    return verify();
  } catch (error) {
    if (!(error instanceof BackupError)) throw error;
    throw new BackupError(error.kind, error.message.replace(draft, source), { cause: error });
  }
};

const withDatabase = <T>(path: string, use: (connection: SqliteDriver.Database) => T): T => {
  const connection = openDraft(path);
  try {
    return use(connection);
  } finally {
    connection.close();
  }
};

const migrateFile = async (path: string): Promise<void> => {
  const connection = openDraft(path);
  try {
    await migrateConnection(connection);
  } finally {
    connection.close();
  }
};

const openDraft = (path: string): SqliteDriver.Database => {
  const connection = new SqliteDriver(path, { fileMustExist: true });
  // No log beside the file, because the rename moves only one file.
  connection.pragma("journal_mode = delete");
  connection.pragma("synchronous = full");
  connection.pragma("foreign_keys = on");
  connection.pragma("secure_delete = on");
  connection.pragma("trusted_schema = off");
  return connection;
};

/**
 * Merges the write-ahead log of the database to be replaced into its file. Its content stays the same. Throws
 * `StorageError` `locked` when another program is reading it.
 */
const closeReplaced = (target: string): Replaced => {
  if (!existsSync(target)) return { state: "absent" };
  const connection = new SqliteDriver(target, { fileMustExist: true, timeout: 0 });
  try {
    connection.pragma("journal_mode = delete");
    return { state: "readable", path: target };
  } catch (error) {
    if (!(error instanceof SqliteDriver.SqliteError)) throw error;
    if (error.code.startsWith("SQLITE_BUSY"))
      throw new StorageError("locked", `Another program has ${target} open`, { cause: error });
    return { state: "unreadable", why: error.message };
  } finally {
    connection.close();
  }
};

/** Gives the replaced database a second name; it keeps the first until the new database takes it over. */
const keepReplaced = async (target: string, now: number): Promise<string> => {
  const kept = `${target}.before-restore-${instantToName(now)}`;
  await linkOrCopy(target, kept);
  if (existsSync(`${target}-wal`)) await linkOrCopy(`${target}-wal`, `${kept}-wal`);
  syncFolder(dirname(target));
  return kept;
};

const linkOrCopy = async (path: string, name: string): Promise<void> => {
  try {
    linkSync(path, name);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") throw error;
    // The file system has no hard links.
    await copyFile(path, name, constants.COPYFILE_EXCL);
    await syncFile(name);
  }
};

/** Removes a database and the files that SQLite created beside it. */
const removeDatabase = (path: string): void => {
  for (const suffix of ["", "-journal", "-wal", "-shm", ".lock"]) rmSync(path + suffix, { force: true });
};
