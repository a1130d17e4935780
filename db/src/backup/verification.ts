import SqliteDriver from "better-sqlite3";
import { Worker } from "node:worker_threads";
import { BackupError, type BackupErrorKind } from "./backup-error.ts";

/** The verified facts about a copy of a database. */
export interface VerifiedCopy {
  /** The newest migration of the copy. */
  readonly schema: string;
  /** The epoch of the database; 0 for a schema without epochs. */
  readonly epoch: number;
}

/** The result of a worker as plain data, because errors lose their class between threads. */
export type VerificationAnswer =
  | { readonly state: "verified"; readonly copy: VerifiedCopy }
  | { readonly state: "refused"; readonly kind: BackupErrorKind; readonly message: string };

/** The input of the thread. It does not load the migrations, because these load all of Kysely, which takes half a second. */
export interface VerificationTask {
  readonly path: string;
  /** The names of the migrations that this program knows, oldest first. */
  readonly migrationNames: readonly string[];
}

/** The most faults that are reported. */
const MAX_FAULTS = 5;

/**
 * Reads every page of a copy that nobody else uses, and converts it to a single file (a copy of a WAL database needs a log
 * beside it). Blocks the thread until it is done. Throws `BackupError`.
 */
export const verifyCopy = ({ path, migrationNames }: VerificationTask): VerifiedCopy => {
  const connection = new SqliteDriver(path, { fileMustExist: true });
  try {
    // Do not let the schema in the file call functions of this program.
    connection.pragma("trusted_schema = off");
    connection.pragma("cell_size_check = on");
    connection.pragma("synchronous = full");
    const mode = connection.pragma("journal_mode = delete", { simple: true });
    if (mode !== "delete") throw new BackupError("damaged", `${path} cannot be converted to a single file`);
    const schema = readSchema(connection, { path, migrationNames });
    assertIntact(connection, path);
    return { schema, epoch: readEpoch(connection) };
  } catch (error) {
    throw toBackupError(error, path);
  } finally {
    connection.close();
  }
};

/** Verifies a copy like `verifyCopy`, but in a separate thread, because it may take a minute and must not block a server. */
export const verifyCopyInBackground = async (
  task: VerificationTask,
  signal: AbortSignal,
): Promise<VerifiedCopy> => {
  // Use the compiled worker, also when this module runs from source.
  const worker = new Worker(new URL("../../dist/backup/verification.worker.js", import.meta.url), {
    workerData: task,
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

/**
 * Returns the newest migration of the copy. Throws `foreign` for another program's database, `newer` for unknown
 * migrations.
 */
const readSchema = (
  connection: SqliteDriver.Database,
  { path, migrationNames }: VerificationTask,
): string => {
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
      `${path} is damaged: ${orphan.table} refers to missing rows of ${orphan.parent}`,
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
  if (error.code === "SQLITE_NOTADB")
    return new BackupError("not-sqlite", `${path} is not a SQLite database`);
  if (error.code.startsWith("SQLITE_CORRUPT"))
    return new BackupError("damaged", `${path} is damaged: ${error.message}`, { cause: error });
  return error;
};
