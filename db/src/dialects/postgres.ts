import {
  Kysely,
  PostgresDialect,
  type PostgresPool,
  type PostgresPoolClient,
  type QueryCreator,
} from "kysely";
import pg from "pg";
import type { Database, Queries, UnitOfWork } from "../database.ts";
import { createUnitHandle, type UnitHandle } from "./unit-handle.ts";
import { migrateToLatest, newestMigration } from "../migrations/index.ts";
import { createPreparedCompiler, type CompiledPrepared, type Prepared } from "../prepared.ts";
import { StorageError } from "../storage-error.ts";
import type { Tables } from "../tables/index.ts";

const MAX_CONNECTIONS = 20;
/** Also how long a unit waits for one of the connections; well below the 30 s that a request may take. */
const CONNECT_TIMEOUT_MS = 15_000;
/** A unit that meets a deadlock or a serialisation failure is run again, this often at the most. */
const MAX_ATTEMPTS = 5;

/** Epoch milliseconds are bigint there; they fit a double until the year 287396. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as "text"),
};

/** Opens a PostgreSQL database through a pool; each unit of work is a transaction of its own. */
export const openPostgres = async (url: string): Promise<Database> => {
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    types,
  });
  // An idle connection that the server closes is replaced at the next query; without a listener it would end the process.
  pool.on("error", () => {});
  const kysely = new Kysely<Tables>({
    dialect: new PostgresDialect({
      pool: poolOf(
        () => pool.connect(),
        (client) => client.release(),
      ),
    }),
  });
  try {
    return await open(pool, kysely);
  } catch (error) {
    await pool.end();
    throw translateError(error);
  }
};

const open = async (pool: pg.Pool, kysely: Kysely<Tables>): Promise<Database> => {
  const { rows } = await pool.query<{ version: string; sync: string }>(
    "select current_setting('server_version') as version, current_setting('synchronous_commit') as sync",
  );
  const { version = "unknown", sync = "unknown" } = rows[0] ?? {};
  if (sync === "off" || sync === "local") {
    throw new Error(`PostgreSQL runs at synchronous_commit=${sync}: commits would not be durable`);
  }
  await migrateToLatest(kysely, "postgres");

  const prepared = createPreparedCompiler(kysely);
  const read = createQueries(pool, kysely, prepared);
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
      const size = await pool.query<{ bytes: number }>(
        "select pg_database_size(current_database()) as bytes",
      );
      return size.rows[0]?.bytes ?? 0;
    },
    copyTo: undefined,
    scrub: async () => {
      await pool.query("vacuum").catch(rethrowTranslated);
    },
    close: async () => {
      await Promise.allSettled(running);
      await pool.end();
    },
  };
};

type Compile = <Params, Row>(query: Prepared<Params, Row>) => CompiledPrepared;

const createQueries = (
  client: pg.Pool | pg.PoolClient,
  kysely: QueryCreator<Tables>,
  compile: Compile,
): Queries => {
  const all: Queries["all"] = async (query, params) => {
    const { sql, valuesOf } = compile(query);
    const result = await client
      .query({ name: statementName(sql), text: sql, values: valuesOf(params) })
      .catch(rethrowTranslated);
    return result.rows;
  };
  return { kysely, all, first: async (query, params) => (await all(query, params))[0] };
};

const statementNameBySql = new Map<string, string>();
/** Named statements are planned once a connection. The prepared queries of the code bound their number. */
const statementName = (sql: string): string => {
  let name = statementNameBySql.get(sql);
  if (!name) {
    name = `edvoyage_${statementNameBySql.size}`;
    statementNameBySql.set(sql, name);
  }
  return name;
};

const runUnit = async <T>(
  pool: pg.Pool,
  compile: Compile,
  unit: (tx: UnitOfWork) => Promise<T>,
): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    const client = await pool.connect().catch(rethrowTranslated);
    const handle = createHandle(client, compile);
    let isBroken = false;
    try {
      await client.query("begin");
      const value = await unit(handle.tx);
      handle.end();
      await client.query("commit");
      handle.committed();
      return value;
    } catch (error) {
      handle.end();
      isBroken = !(await client.query("rollback").then(
        () => true,
        () => false,
      ));
      if (attempt >= MAX_ATTEMPTS || !isRetryable(error)) throw translateError(error);
    } finally {
      client.release(isBroken);
    }
  }
};

const createHandle = (client: pg.PoolClient, compile: Compile): UnitHandle => {
  const connect = async () => client;
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: poolOf(connect, () => {}) }) });
  return createUnitHandle(createQueries(client, kysely, compile), async (key) => {
    const text = "select pg_advisory_xact_lock(hashtextextended($1, 0))";
    await client.query({ name: "edvoyage_lock", text, values: [key] });
  });
};

/** A pool in the shape that Kysely takes, whose errors are ours. Nothing here streams, so it has no cursors. */
const poolOf = (
  connect: () => Promise<pg.PoolClient>,
  release: (client: pg.PoolClient) => void,
): PostgresPool => ({
  connect: async () => {
    const client = await connect().catch(rethrowTranslated);
    const query = (sql: string, values: unknown[]) => client.query(sql, values).catch(rethrowTranslated);
    return { query: query as unknown as PostgresPoolClient["query"], release: () => release(client) };
  },
  end: async () => {},
});

const rethrowTranslated = (error: unknown): never => {
  throw translateError(error);
};

const codeOf = (error: unknown): string => {
  const cause = error instanceof StorageError ? error.cause : error;
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
};

/** Serialisation failure and deadlock: https://www.postgresql.org/docs/15/mvcc-serialization-failure-handling.html */
const isRetryable = (error: unknown): boolean => ["40001", "40P01"].includes(codeOf(error));

/** Class 08 connection, 53 resources, 57 operator intervention, and what the socket says. */
const isUnavailable = (error: unknown): boolean =>
  /^(08|53|57)/.test(codeOf(error)) ||
  /^E(CONNREFUSED|CONNRESET|PIPE|TIMEDOUT|NOTFOUND)$/.test(codeOf(error)) ||
  (error instanceof Error &&
    /timeout exceeded when trying to connect|Connection terminated/.test(error.message));

const translateError = (error: unknown): unknown => {
  if (error instanceof StorageError) return error;
  if (codeOf(error) === "53100") return new StorageError("full", "The disk is full", { cause: error });
  if (isUnavailable(error))
    return new StorageError("unavailable", "The database cannot be reached", { cause: error });
  return error;
};
