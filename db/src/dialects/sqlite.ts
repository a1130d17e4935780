import { dirname } from "node:path";
import SqliteDriver from "better-sqlite3";
import { Kysely, SqliteDialect } from "kysely";
import type { Database, Queries, UnitOfWork } from "../database.ts";
import { makeFolder } from "../durable-file.ts";
import { migrateToLatest, newestMigration } from "../migrations/index.ts";
import { createPreparedCompiler, type CompiledPrepared, type Prepared, type SqlValue } from "../prepared.ts";
import { StorageError } from "../storage-error.ts";
import type { Tables } from "../tables/index.ts";
import { createGroupCommit } from "./group-commit.ts";
import { rewriteFile } from "./rewrite-file.ts";
import { createUnitOfWork } from "./unit-of-work.ts";

/** Older versions of SQLite lose pages when a WAL reset races a checkpoint (fixed in 3.51.3). */
const MIN_SQLITE_VERSION = [3, 51, 3] as const;
/** How long SQLite may block this thread waiting for a lock that another program holds, in milliseconds. */
const BUSY_TIMEOUT_MS = 2_000;
const MAX_CACHED_STATEMENTS = 1_000;
/** Pages that are copied before other work gets its turn: 1 MiB. */
const COPY_STEP_PAGES = 256;

/**
 * Opens a SQLite file: one connection writes (group commit, WAL, `synchronous=FULL`), another reads.
 * The file is locked for this process until `close` is called or the process ends, in whatever way.
 */
export const openSqlite = async (path: string): Promise<Database> => {
  makeFolder(dirname(path));
  const lock = lockFile(path);
  try {
    return await open(path, lock);
  } catch (error) {
    lock.close();
    throw error;
  }
};

const open = async (path: string, lock: SqliteDriver.Database): Promise<Database> => {
  const writer = openConnection(path);
  const version = assertVersion(writer);
  await migrateConnection(writer);
  writer
    .prepare("insert into heartbeat (id, at) values (1, 0) on conflict (id) do update set at = at + 1")
    .run();
  const durability = assertFullSync(writer);
  const reader = openConnection(path);
  reader.pragma("query_only = on");

  const prepared = createPreparedCompiler(kyselyOf(writer));
  const read = createQueries(reader, prepared);
  const write = createQueries(writer, prepared);
  let failure: unknown;

  const control = prepareControl(writer);
  const group = createGroupCommit<UnitOfWork>({
    begin: () => {
      if (failure) throw failure;
      control.begin.run();
    },
    commit: () => control.commit.run(),
    rollback: () => {
      if (writer.inTransaction) control.rollback.run();
    },
    savepoint: () => control.savepoint.run(),
    releaseSavepoint: () => control.release.run(),
    rollbackToSavepoint: () => control.rollbackTo.run(),
    isInTransaction: () => writer.inTransaction,
    // SQLite has one writer, so the running unit holds every lock.
    handle: () => createUnitOfWork(write, async () => {}),
    translate: (error) => {
      const translated = translateError(error);
      // Fail all later writes: after a failed fsync the kernel may have dropped dirty pages, so a successful retry
      // proves nothing.
      if (isFailedSync(error)) failure = translated;
      return translated;
    },
  });

  return {
    dialect: "sqlite",
    schema: newestMigration,
    facts: { database: `SQLite ${version}`, durability },
    read,
    write: (unit) => group.write(unit),
    ping: (now) =>
      group.write(async (tx) => {
        await tx.kysely.updateTable("heartbeat").set({ at: now }).where("id", "=", 1).execute();
      }),
    sizeBytes: async () => numberOf(reader, "page_count") * numberOf(reader, "page_size"),
    // Copy on the writer connection: its later commits to copied pages also go to the copy. On another connection each
    // commit would restart the copy, under load for ever.
    copyTo: async (destination, { onProgress, signal }) => {
      const pageBytes = numberOf(reader, "page_size");
      signal.throwIfAborted();
      try {
        await writer.backup(destination, {
          progress: ({ totalPages, remainingPages }) => {
            signal.throwIfAborted();
            onProgress({
              copiedBytes: (totalPages - remainingPages) * pageBytes,
              totalBytes: totalPages * pageBytes,
            });
            return COPY_STEP_PAGES;
          },
        });
      } catch (error) {
        throw translateError(error);
      }
    },
    scrub: () => group.between(() => rewriteFile(path)),
    close: async () => {
      await group.drain();
      reader.close();
      writer.close();
      lock.close();
    },
  };
};

/** Migrates in one transaction. Kysely uses none for SQLite, and a half-applied migration could never be repeated. */
export const migrateConnection = async (connection: SqliteDriver.Database): Promise<void> => {
  connection.exec("begin immediate");
  await migrateToLatest(kyselyOf(connection), "sqlite");
  connection.exec("commit");
};

const numberOf = (connection: SqliteDriver.Database, pragma: "page_count" | "page_size"): number =>
  Number(connection.pragma(pragma, { simple: true }));

/** Prepares the statements once; with `exec`, SQLite would parse them for every unit. */
const prepareControl = (connection: SqliteDriver.Database) => ({
  begin: connection.prepare("begin immediate"),
  commit: connection.prepare("commit"),
  rollback: connection.prepare("rollback"),
  savepoint: connection.prepare("savepoint unit"),
  release: connection.prepare("release unit"),
  rollbackTo: connection.prepare("rollback to unit"),
});

/**
 * Locks `<path>.lock` exclusively until the returned connection is closed. Throws `StorageError` `locked`. It is a lock of
 * the kernel on an open file: it cannot outlive the process, so a crash leaves nothing to clean up.
 */
export const lockFile = (path: string): SqliteDriver.Database => {
  const lock = new SqliteDriver(`${path}.lock`, { timeout: 0 });
  try {
    lock.exec("begin exclusive");
    return lock;
  } catch (cause) {
    lock.close();
    throw new StorageError("locked", `Another process has ${path} open`, { cause });
  }
};

const openConnection = (path: string): SqliteDriver.Database => {
  const connection = new SqliteDriver(path, { timeout: BUSY_TIMEOUT_MS });
  connection.pragma("journal_mode = wal");
  // Set it after WAL: the driver is built to switch to NORMAL there, which loses commits at a power cut.
  connection.pragma("synchronous = full");
  connection.pragma("foreign_keys = on");
  connection.pragma("secure_delete = on");
  connection.pragma("trusted_schema = off");
  connection.pragma("mmap_size = 0");
  connection.pragma(`journal_size_limit = ${64 * 1024 * 1024}`);
  // The defaults are made for phones: 2 MB of cache, and a checkpoint after every 4 MB of commits.
  connection.pragma(`cache_size = -${64 * 1024}`);
  connection.pragma("wal_autocheckpoint = 8000");
  return connection;
};

const assertVersion = (connection: SqliteDriver.Database): string => {
  const version = String(connection.prepare("select sqlite_version()").pluck().get());
  const parts = version.split(".").map(Number);
  const difference = MIN_SQLITE_VERSION.map((minimum, index) => (parts[index] ?? 0) - minimum).find(
    (d) => d !== 0,
  );
  if ((difference ?? 0) < 0) throw new Error(`SQLite ${version} is too old: 3.51.3 or newer is needed`);
  return version;
};

/** Reads from the connection how it commits, and returns that in words. Throws if a commit might not be durable. */
const assertFullSync = (connection: SqliteDriver.Database): string => {
  const journal = String(connection.pragma("journal_mode", { simple: true })).toUpperCase();
  const level = connection.pragma("synchronous", { simple: true });
  if (level !== 2)
    throw new Error(`SQLite runs at synchronous=${String(level)}, not FULL: commits would not be durable`);
  return `${journal}, synchronous=FULL`;
};

interface SqliteStatement {
  readonly reader: boolean;
  all(parameters: readonly unknown[]): unknown[];
  get(parameters: readonly unknown[]): unknown;
  run(parameters: readonly unknown[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  iterate(parameters: readonly unknown[]): IterableIterator<unknown>;
}

/** Prepares each SQL text once. When the cache is full, it drops the statement that was prepared first. */
const createStatementCache = (connection: SqliteDriver.Database) => {
  const statements = new Map<string, SqliteStatement>();
  return (sql: string): SqliteStatement => {
    const cached = statements.get(sql);
    if (cached) return cached;
    const statement = connection.prepare(sql) as unknown as SqliteStatement;
    statements.set(sql, statement);
    if (statements.size > MAX_CACHED_STATEMENTS) {
      const oldest = statements.keys().next();
      if (!oldest.done) statements.delete(oldest.value);
    }
    return statement;
  };
};

const kyselyOf = (
  connection: SqliteDriver.Database,
  statement = createStatementCache(connection),
): Kysely<Tables> =>
  new Kysely<Tables>({
    dialect: new SqliteDialect({ database: { prepare: statement, close: () => connection.close() } }),
  });

const createQueries = (
  connection: SqliteDriver.Database,
  compile: <Params, Row>(query: Prepared<Params, Row>) => CompiledPrepared,
): Queries => {
  const statementOf = createStatementCache(connection);
  const run = (query: Prepared<never, unknown>, params: Readonly<Record<string, SqlValue>>) => {
    const { sql, valuesOf } = compile(query);
    return { statement: statementOf(sql), values: valuesOf(params) };
  };
  return {
    kysely: kyselyOf(connection, statementOf),
    all: async (query, params) => {
      const { statement, values } = run(query, params);
      if (statement.reader) return statement.all(values) as never;
      statement.run(values);
      return [];
    },
    first: async (query, params) => {
      const { statement, values } = run(query, params);
      if (statement.reader) return statement.get(values) as never;
      statement.run(values);
      return undefined;
    },
  };
};

const codeOf = (error: unknown): string => (error instanceof SqliteDriver.SqliteError ? error.code : "");

const isFailedSync = (error: unknown): boolean => codeOf(error).startsWith("SQLITE_IOERR_FSYNC");

const translateError = (error: unknown): unknown => {
  const code = codeOf(error);
  if (code === "SQLITE_FULL") return new StorageError("full", "The disk is full", { cause: error });
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_IOERR") || code === "SQLITE_READONLY") {
    return new StorageError("unavailable", "The database cannot take writes now", { cause: error });
  }
  return error;
};
