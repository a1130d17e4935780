import SqliteDriver from "better-sqlite3";
import { Worker } from "node:worker_threads";
import { migrationNames } from "../migrations/index.ts";
import { BackupError, type BackupErrorKind } from "./backup-error.ts";

/** What a copy of a database was found to be. */
export interface VerifiedCopy {
  /** Its newest migration. */
  readonly schema: string;
  /** Which life of the database it is of; 0 before there were any. */
  readonly epoch: number;
}

/** What a worker answers: errors lose their class on the way. */
export type VerificationAnswer =
  | { readonly state: "verified"; readonly copy: VerifiedCopy }
  | { readonly state: "refused"; readonly kind: BackupErrorKind; readonly message: string };

/** Faults that are looked for before it is said that there are more. */
const MAX_FAULTS = 5;

/**
 * Reads every page of a copy that nobody else uses and makes one single file of it (a copy of a WAL database asks
 * for a log beside it). Blocks until it is done. Throws `BackupError`.
 */
export const verifyCopy = (path: string): VerifiedCopy => {
  const connection = new SqliteDriver(path, { fileMustExist: true });
  try {
    // Nothing that stands in the file may run code of ours.
    connection.pragma("trusted_schema = off");
    connection.pragma("cell_size_check = on");
    connection.pragma("synchronous = full");
    const mode = connection.pragma("journal_mode = delete", { simple: true });
    if (mode !== "delete") throw new BackupError("damaged", `${path} cannot be made one single file`);
    const schema = readSchema(connection, path);
    assertIntact(connection, path);
    return { schema, epoch: readEpoch(connection) };
  } catch (error) {
    throw toBackupError(error, path);
  } finally {
    connection.close();
  }
};

/** The same without blocking: in a thread of its own, as it may take a minute and a server has other things to do. */
export const verifyCopyInBackground = async (path: string, signal: AbortSignal): Promise<VerifiedCopy> => {
  // The compiled one, also when this module runs from source.
  const worker = new Worker(new URL("../../dist/backup/verification.worker.js", import.meta.url), {
    workerData: path,
  });
  const abort = (): void => void worker.terminate();
  signal.addEventListener("abort", abort);
  try {
    const answer = await new Promise<VerificationAnswer>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", () =>
        reject(signal.reason ?? new Error("The verification ended without an answer")),
      );
    });
    if (answer.state === "refused") throw new BackupError(answer.kind, answer.message);
    return answer.copy;
  } finally {
    signal.removeEventListener("abort", abort);
  }
};

/** Throws `foreign` and `newer`: whose database it is, and whether this program knows all that is in it. */
const readSchema = (connection: SqliteDriver.Database, path: string): string => {
  const applied = hasTable(connection, "kysely_migration")
    ? connection.prepare<[], string>("select name from kysely_migration order by name").pluck().all()
    : [];
  const newest = applied.at(-1);
  if (newest === undefined || applied[0] !== migrationNames[0])
    throw new BackupError("foreign", `${path} is a database of another program`);
  const unknown = applied.filter((name) => !migrationNames.includes(name));
  if (unknown.length === 0) return newest;
  throw new BackupError(
    "newer",
    `${path} was written by a newer version (its schema is ${newest}, this one knows ${migrationNames.at(-1) ?? "none"})`,
  );
};

const assertIntact = (connection: SqliteDriver.Database, path: string): void => {
  const faults = connection.prepare<[], string>(`pragma integrity_check(${MAX_FAULTS})`).pluck().all();
  if (faults.length !== 1 || faults[0] !== "ok")
    throw new BackupError("damaged", `${path} is damaged: ${faults.join("; ")}`);
  const orphans = connection
    .prepare<[], { table: string; parent: string }>("pragma foreign_key_check")
    .all()
    .slice(0, MAX_FAULTS);
  const [orphan] = orphans;
  if (orphan)
    throw new BackupError(
      "damaged",
      `${path} is damaged: ${orphan.table} names rows that ${orphan.parent} lacks`,
    );
};

const readEpoch = (connection: SqliteDriver.Database): number =>
  hasTable(connection, "database_epoch")
    ? (connection.prepare<[], number>("select epoch from database_epoch where id = 1").pluck().get() ?? 0)
    : 0;

const hasTable = (connection: SqliteDriver.Database, name: string): boolean =>
  connection.prepare("select 1 from sqlite_schema where type = 'table' and name = ?").get(name) !== undefined;

const toBackupError = (error: unknown, path: string): unknown => {
  if (!(error instanceof SqliteDriver.SqliteError)) return error;
  if (error.code === "SQLITE_NOTADB") return new BackupError("not-sqlite", `${path} is no SQLite database`);
  if (error.code.startsWith("SQLITE_CORRUPT"))
    return new BackupError("damaged", `${path} is damaged: ${error.message}`, { cause: error });
  return error;
};
