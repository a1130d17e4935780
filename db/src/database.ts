import type { QueryCreator } from "kysely";
import type { Prepared, SqlValue } from "./prepared.ts";
import type { Tables } from "./tables/index.ts";

/** The two databases that every query and migration runs on. */
export type DialectName = "sqlite" | "postgres";

/** Runs queries that are typed by `Tables`. */
export interface Queries {
  /** Kysely's builder, for queries whose shape depends on the input; hot paths use prepared ones. */
  readonly kysely: QueryCreator<Tables>;
  /** Returns all rows of a prepared query; `[]` when there are none. */
  all<Params extends Readonly<Record<string, SqlValue>>, Row>(
    query: Prepared<Params, Row>,
    params: Params,
  ): Promise<Row[]>;
  /** Returns the first row of a prepared query; `undefined` when there is none. */
  first<Params extends Readonly<Record<string, SqlValue>>, Row>(
    query: Prepared<Params, Row>,
    params: Params,
  ): Promise<Row | undefined>;
}

/** Runs queries inside one atomic write. */
export interface UnitOfWork extends Queries {
  /**
   * Waits until no other unit of work holds the lock `key`, and holds it until this unit ends. SQLite has one writer and
   * needs no lock; PostgreSQL takes an advisory lock. Take several locks in a fixed order; otherwise units deadlock.
   */
  lock(key: string): Promise<void>;
  /**
   * Runs `task` after the commit of this unit, before the unit's promise resolves. It does not run after a rollback.
   * Use it to notify others of a change. It must not throw, and a crash may lose the notification.
   */
  onCommit(task: () => void): void;
}

/** The progress of copying a database. */
export interface CopyProgress {
  readonly copiedBytes: number;
  readonly totalBytes: number;
}

/** An open database. */
export interface Database {
  readonly dialect: DialectName;
  /** The name of the newest migration, which has been applied. */
  readonly schema: string;
  /**
   * Reads committed data on separate connections, so that it does not wait for writes. Use it only for reads: on PostgreSQL
   * a query whose connection is lost runs a second time.
   */
  readonly read: Queries;
  /**
   * Runs `unit` atomically and resolves with its value once it is committed to disk. When it throws, nothing is kept.
   * A unit must await only its own queries, because it holds the writer. It may run twice (on PostgreSQL after a deadlock,
   * or when its connection is lost before the commit), so it must change only rows. Throws `StorageError`, or what the unit
   * threw.
   */
  write<T>(unit: (tx: UnitOfWork) => Promise<T>): Promise<T>;
  /** Writes one row and waits for the disk, to check that the database accepts writes. */
  ping(now: number): Promise<void>;
  /** The size of tables and indexes on the disk, in bytes. */
  sizeBytes(): Promise<number>;
  /**
   * Copies all committed data to `path` while reads and writes continue. The copy has every commit that was acknowledged
   * before the call. It is not checked, and may not be on the disk yet. `undefined` where the database has its own tools for
   * that (PostgreSQL: pg_dump). Throws `StorageError`, or the reason of `signal` when it is aborted.
   */
  readonly copyTo:
    | ((
        path: string,
        options: { readonly onProgress: (progress: CopyProgress) => void; readonly signal: AbortSignal },
      ) => Promise<void>)
    | undefined;
  /**
   * Removes deleted data from the database files.
   *
   * SQLite: `secure_delete` overwrites deleted data with zeros, but copies remain in pages that were split or merged
   * before, and in the write-ahead log. So this rewrites the file and empties the log. Writes wait meanwhile, reads
   * continue. The disk needs room for two more copies of the file; otherwise it throws `StorageError` `full`.
   *
   * PostgreSQL: a plain VACUUM, after which no query finds the data. Its bytes remain in the free space of pages and in
   * old WAL files until these are reused.
   */
  scrub(): Promise<void>;
  /** Facts that were verified when the database was opened, as texts for admins. */
  readonly facts: { readonly database: string; readonly durability: string };
  /** Finishes pending writes, then closes the database. */
  close(): Promise<void>;
}
