import type { QueryCreator } from "kysely";
import { openPostgres } from "./dialects/postgres.ts";
import { openSqlite } from "./dialects/sqlite.ts";
import type { Prepared, SqlValue } from "./prepared.ts";
import type { Tables } from "./tables/index.ts";

/** The two databases that every query and migration runs on. */
export type DialectName = "sqlite" | "postgres";

/** Runs queries, typed by `Tables`. */
export interface Queries {
  /** Kysely's builder, for queries whose shape depends on the input; hot paths use prepared ones. */
  readonly kysely: QueryCreator<Tables>;
  /** All rows of a prepared query, `[]` when it returns none. */
  all<Params extends Readonly<Record<string, SqlValue>>, Row>(
    query: Prepared<Params, Row>,
    params: Params,
  ): Promise<Row[]>;
  /** The first row of a prepared query. */
  first<Params extends Readonly<Record<string, SqlValue>>, Row>(
    query: Prepared<Params, Row>,
    params: Params,
  ): Promise<Row | undefined>;
}

/** Queries inside one atomic write. */
export interface UnitOfWork extends Queries {
  /**
   * Waits until no other unit of work holds `key`, and holds it until this one ends. SQLite has one
   * writer and needs no lock; PostgreSQL takes an advisory one. Take several in one fixed order.
   */
  lock(key: string): Promise<void>;
  /**
   * Runs `task` when this unit is committed, before its promise resolves, and never when nothing of it is kept: for
   * what others are told of a change. It must not throw, and what it tells may be lost in a crash.
   */
  onCommit(task: () => void): void;
}

/** How far a copy of a database has come. */
export interface CopyProgress {
  readonly copiedBytes: number;
  readonly totalBytes: number;
}

/** An open database. */
export interface Database {
  readonly dialect: DialectName;
  /** The newest migration: the schema is up to date with it. */
  readonly schema: string;
  /**
   * Sees what is committed, on connections of its own: it does not queue behind writes. It must change nothing: on
   * PostgreSQL a query whose connection is lost runs once more.
   */
  readonly read: Queries;
  /**
   * Runs `unit` atomically and resolves with its value once it is committed to disk. When it throws,
   * nothing of it is kept. A unit awaits its own queries and nothing else: it holds the writer. It may
   * run twice (on PostgreSQL after a deadlock, or when its connection is lost before the commit), so it changes nothing
   * but rows. Throws `StorageError`, or what the unit threw.
   */
  write<T>(unit: (tx: UnitOfWork) => Promise<T>): Promise<T>;
  /** Writes one row and waits for the disk: whether the database takes writes. */
  ping(now: number): Promise<void>;
  /** What its tables and indexes take on the disk. */
  sizeBytes(): Promise<number>;
  /**
   * Copies all that is committed to `path` while reads and writes go on; the copy has every commit that was
   * acknowledged before, and is neither checked nor sure to be on the disk. `undefined` where the database brings
   * tools of its own for that (PostgreSQL: pg_dump). Throws `StorageError`, or why `signal` was aborted.
   */
  readonly copyTo:
    | ((
        path: string,
        options: { readonly onProgress: (progress: CopyProgress) => void; readonly signal: AbortSignal },
      ) => Promise<void>)
    | undefined;
  /**
   * Makes sure that what was deleted can be read from its files no more. SQLite's `secure_delete` zeroes what is deleted, but
   * copies stay in pages that were split or merged before, and in the log: the file is written anew and the log emptied. Writes
   * wait meanwhile, reads go on; on the disk there must be room for two more of it (`StorageError` `full`). PostgreSQL: a plain
   * VACUUM, after which no query finds it; its bytes stay in free space of pages and in old WAL files until they are used again.
   */
  scrub(): Promise<void>;
  /** What was verified when it was opened, in words for an admin. */
  readonly facts: Readonly<Record<string, string>>;
  /** Finishes the writes that were asked for, then closes. */
  close(): Promise<void>;
}

/**
 * Opens the database of a URL and migrates it to the newest schema.
 * `sqlite:<path>` is held for this process alone (`StorageError` kind `locked` when another has it);
 * `postgres://…` may be shared by many.
 */
export const openDatabase = async (url: string): Promise<Database> => {
  if (url.startsWith("sqlite:")) return openSqlite(url.slice("sqlite:".length));
  if (/^postgres(ql)?:\/\//.test(url)) return openPostgres(url);
  throw new Error("A database URL starts with sqlite: or postgres://");
};
