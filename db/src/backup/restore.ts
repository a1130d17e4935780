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
import { verifyCopy } from "./verification.ts";

/** What a restore does, in this order. */
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

/** One of them. */
export type RestoreStep = (typeof restoreSteps)[number];

/** A database that was restored. */
export interface Restoration extends RestoredIdentity {
  /** Where it is. */
  readonly path: string;
  /** The schema of the backup, before it was migrated. */
  readonly schemaBefore: string;
  /** Where the database is kept that was there before; `undefined` when there was none. */
  readonly kept: string | undefined;
}

const SQLITE_HEADER = "SQLite format 3\0";

/**
 * Puts a backup in the place of the SQLite database `target`, which no server may have open meanwhile. The
 * backup itself is only read. All work is done on a copy beside the target, which takes the target's name in one
 * atomic rename when it is whole and on the disk: whenever the process dies, the old or the new database is there, never
 * a part of one, never none. Throws `BackupError` and `StorageError` (`locked`: it is in use) with nothing changed.
 */
export const restoreBackup = async (
  { source, target }: { readonly source: string; readonly target: string },
  options: LifeDeps & {
    /** Called before each step; the steps themselves block. */
    readonly onStep: (step: RestoreStep) => Promise<void>;
    /** Erases from the database file, which nobody else has open, whoever is due, and every copy of what was erased. */
    readonly eraseAgain: (path: string) => Promise<void>;
    /** Stops before the next step; from `keep` on it goes to its end. */
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
    const { schema: schemaBefore } = explainAs(source, draft, () => verifyCopy(draft));

    await begin("migrate");
    await migrateFile(draft);
    await begin("renew");
    const replaced = closeReplaced(target);
    const life = withDatabase(draft, (connection) =>
      restoreIdentity(connection, { replaced, source: basename(source), deps: options }),
    );
    await begin("erase");
    if (life.erasures.state === "done" && life.erasures.entries + life.erasures.students > 0) {
      await options.eraseAgain(draft);
      // One single file again.
      withDatabase(draft, () => {});
    }
    await syncFile(draft);

    await begin("keep");
    const kept = replaced.state === "absent" ? undefined : await keepAside(target, now);
    // No way back from here: the second name must not stay on a database that goes on being used.
    await options.onStep("replace");
    // The log and index of a database that could not be read. SQLite would apply the log to whatever has the name next.
    for (const suffix of ["-wal", "-shm"]) rmSync(target + suffix, { force: true });
    // Before the rename: a power cut may keep that one and bring the log back.
    syncFolder(dirname(target));
    renameSync(draft, target);
    syncFolder(dirname(target));
    await options.onStep("finish");
    return { ...life, path: target, schemaBefore, kept };
  } finally {
    removeDatabase(draft);
    lock.close();
  }
};

/** What can be seen before anything is copied. */
const assertLooksWhole = async (source: string, target: string): Promise<void> => {
  const found = statSync(source, { throwIfNoEntry: false });
  if (!found?.isFile()) throw new BackupError("missing", `There is no file ${source}`);
  if ((await readHeader(source)) !== SQLITE_HEADER)
    throw new BackupError("not-sqlite", `${source} is no SQLite database`);
  const current = statSync(target, { throwIfNoEntry: false });
  if (current && current.ino === found.ino && current.dev === found.dev)
    throw new BackupError("same", `${source} is the database itself`);
  // What it lacks is in there, and whether the two fit together cannot be known.
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

/** Complaints are about the file that the admin knows, not about our copy. */
const explainAs = <T>(source: string, draft: string, verify: () => T): T => {
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
  // No log beside it: the rename moves one file.
  connection.pragma("journal_mode = delete");
  connection.pragma("synchronous = full");
  connection.pragma("foreign_keys = on");
  connection.pragma("secure_delete = on");
  connection.pragma("trusted_schema = off");
  return connection;
};

/**
 * Folds the log of the database that is to be replaced into its one file, which changes nothing that it
 * says. Throws `StorageError` `locked` when another program reads it just then.
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

/** Gives the replaced database a second name; it keeps the first one until the new database takes it. */
const keepAside = async (target: string, now: number): Promise<string> => {
  const kept = `${target}.before-restore-${instantToName(now)}`;
  await giveSecondName(target, kept);
  if (existsSync(`${target}-wal`)) await giveSecondName(`${target}-wal`, `${kept}-wal`);
  syncFolder(dirname(target));
  return kept;
};

const giveSecondName = async (path: string, name: string): Promise<void> => {
  try {
    linkSync(path, name);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") throw error;
    // A file system without hard links.
    await copyFile(path, name, constants.COPYFILE_EXCL);
    await syncFile(name);
  }
};

/** A database that nobody needs, with whatever SQLite made beside it. */
const removeDatabase = (path: string): void => {
  for (const suffix of ["", "-journal", "-wal", "-shm", ".lock"]) rmSync(path + suffix, { force: true });
};
