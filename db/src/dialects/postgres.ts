import { Kysely, PostgresDialect, type PostgresPoolClient, type QueryCreator } from "kysely";
import type { QueryConfig, QueryResult } from "pg";
import type { Database, Queries, UnitOfWork } from "../database.ts";
import { createUnitOfWork, type UnitHandle } from "./unit-of-work.ts";
import { migrateToLatest, newestMigration } from "../migrations/index.ts";
import { createPreparedCompiler, type CompiledPrepared, type Prepared } from "../prepared.ts";
import { StorageError } from "../storage-error.ts";
import type { Tables } from "../tables/index.ts";
import { isSerialisationFailure } from "./postgres-errors.ts";
import { createPostgresPool, type PostgresConnection, type PostgresPool } from "./postgres-pool.ts";

/** The most attempts to run a unit that ends with a deadlock or a serialisation failure. */
const MAX_ATTEMPTS = 5;
/** The most retries of a unit whose connection is lost before the commit. Few, because the unit may be the cause. */
const MAX_RERUNS_AFTER_LOSS = 1;

/** Opens a PostgreSQL database through a pool; each unit of work is a separate transaction. */
export const openPostgres = async (url: string): Promise<Database> => {
  const pool = createPostgresPool(url);
  try {
    return await open(pool);
  } catch (error) {
    await pool.end();
    throw error;
  }
};

const open = async (pool: PostgresPool): Promise<Database> => {
  const { rows } = await pool.read({
    text: "select current_setting('server_version') as version, current_setting('synchronous_commit') as sync",
  });
  const { version, sync }: { version: string; sync: string } = rows[0];
  if (sync === "off" || sync === "local") {
    throw new Error(`PostgreSQL runs at synchronous_commit=${sync}: commits would not be durable`);
  }
  // Separate connections without retries: a migration takes locks and begins transactions itself.
  await migrateToLatest(
    kyselyOf(async () => {
      const connection = await pool.acquire("select 1");
      return { query: connection.query, release: connection.release };
    }),
    "postgres",
  );

  const kysely = kyselyOf(async () => ({ query: pool.read, release: () => {} }));
  const prepared = createPreparedCompiler(kysely);
  const read = createQueries(pool.read, kysely, prepared);
  const running = new Set<Promise<unknown>>();
  const write: Database["write"] = (unit) => {
    const run = runUnit(pool, prepared, unit).finally(() => running.delete(run));
    running.add(run);
    return run;
  };
  return {
    dialect: "postgres",
    schema: newestMigration,
    facts: { database: `PostgreSQL ${version}`, durability: `synchronous_commit=${sync}` },
    read,
    write,
    ping: (now) =>
      write(async (tx) => {
        await tx.kysely
          .insertInto("heartbeat")
          .values({ id: 1, at: now })
          .onConflict((conflict) => conflict.column("id").doUpdateSet({ at: now }))
          .execute();
      }),
    sizeBytes: async () => {
      const size = await pool.read({ text: "select pg_database_size(current_database()) as bytes" });
      return size.rows[0]?.bytes ?? 0;
    },
    copyTo: undefined,
    scrub: async () => {
      // `read` may run it twice, which is harmless.
      await pool.read({ text: "vacuum" });
    },
    close: async () => {
      await Promise.allSettled(running);
      await pool.end();
    },
  };
};

type Compile = <Params, Row>(query: Prepared<Params, Row>) => CompiledPrepared;

type RunQuery = (query: QueryConfig) => Promise<QueryResult>;

const createQueries = (run: RunQuery, kysely: QueryCreator<Tables>, compile: Compile): Queries => {
  const all: Queries["all"] = async (query, params) => {
    const { sql, valuesOf } = compile(query);
    const result = await run({ name: statementName(sql), text: sql, values: valuesOf(params) });
    return result.rows;
  };
  return { kysely, all, first: async (query, params) => (await all(query, params))[0] };
};

const statementNameBySql = new Map<string, string>();
/**
 * PostgreSQL plans a named statement once for each connection. Their number is limited by the prepared queries in the
 * code.
 */
const statementName = (sql: string): string => {
  let name = statementNameBySql.get(sql);
  if (!name) {
    name = `edvoyage_${statementNameBySql.size}`;
    statementNameBySql.set(sql, name);
  }
  return name;
};

const runUnit = async <T>(
  pool: PostgresPool,
  compile: Compile,
  unit: (tx: UnitOfWork) => Promise<T>,
): Promise<T> => {
  let losses = 0;
  for (let attempt = 1; ; attempt += 1) {
    const connection = await pool.acquire("begin");
    const handle = createHandle(connection, compile);
    try {
      const value = await unit(handle.tx);
      handle.end();
      await connection.commit();
      handle.committed();
      return value;
    } catch (error) {
      handle.end();
      await connection.rollback();
      if (isUndoneByLoss(error, connection)) losses += 1;
      else if (!isSerialisationFailure(error)) throw error;
      if (losses > MAX_RERUNS_AFTER_LOSS || attempt >= MAX_ATTEMPTS) throw error;
    } finally {
      connection.release();
    }
  }
};

/** Whether a unit failed because its connection was lost and nothing was kept; then it may run again. */
const isUndoneByLoss = (error: unknown, connection: PostgresConnection): boolean =>
  connection.isLost && error instanceof StorageError && error.outcome === "unchanged";

const createHandle = (connection: PostgresConnection, compile: Compile): UnitHandle => {
  const kysely = kyselyOf(async () => ({ query: connection.query, release: () => {} }));
  return createUnitOfWork(createQueries(connection.query, kysely, compile), async (key) => {
    const text = "select pg_advisory_xact_lock(hashtextextended($1, 0))";
    await connection.query({ name: "edvoyage_lock", text, values: [key] });
  });
};

/** Creates Kysely on connections whose errors are translated. It has no cursors, because nothing here streams. */
const kyselyOf = (
  connect: () => Promise<{ readonly query: RunQuery; readonly release: () => void }>,
): Kysely<Tables> =>
  new Kysely<Tables>({
    dialect: new PostgresDialect({
      pool: {
        connect: async () => {
          const { query, release } = await connect();
          const run = (text: string, values: unknown[]) => query({ text, values });
          return { query: run as unknown as PostgresPoolClient["query"], release };
        },
        end: async () => {},
      },
    }),
  });
