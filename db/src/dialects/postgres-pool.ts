import pg from "pg";
import { StorageError } from "../storage-error.ts";
import { endsSession, translateError, unavailable } from "./postgres-errors.ts";

/** A connection that one caller uses exclusively until it releases it. Its errors are translated. */
export interface PostgresConnection {
  query(query: pg.QueryConfig): Promise<pg.QueryResult>;
  /**
   * Commits. Throws `StorageError` with the outcome `unknown` when the connection is lost during the commit; after any
   * other error nothing was kept.
   */
  commit(): Promise<void>;
  /** Rolls back. If that fails, the connection is destroyed at its release. */
  rollback(): Promise<void>;
  /** Whether its session has ended: uncommitted changes are undone, and no more queries are possible. */
  readonly isLost: boolean;
  /** Returns the connection to the pool, or destroys it when it is lost. */
  release(): void;
}

/** The PostgreSQL connections of one process. */
export interface PostgresPool {
  /**
   * Returns a connection on which `probe`, such as `begin`, has succeeded, because the server may have ended an idle
   * one.
   */
  acquire(probe: string): Promise<PostgresConnection>;
  /** Runs one read-only query outside any transaction. If its connection is lost, it runs a second time on another. */
  read(query: pg.QueryConfig): Promise<pg.QueryResult>;
  end(): Promise<void>;
}

const MAX_CONNECTIONS = 20;
/** Also limits how long a unit waits for a free connection; well below the 30 s that a request may take. */
const CONNECT_TIMEOUT_MS = 15_000;

/** Parses bigint columns as numbers: they hold epoch milliseconds, which fit a double until the year 287396. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as "text"),
};

/** Creates the pool; it connects on the first request for a connection. */
export const createPostgresPool = (url: string): PostgresPool => {
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    types,
  });
  const lost = new WeakSet<pg.ClientBase>();
  pool.on("connect", (client) => {
    // Listen for the whole life of the client: the pool listens only while it is idle, and an unhandled error event
    // ends the process.
    client.on("error", () => lost.add(client));
    client.on("end", () => lost.add(client));
  });
  // Nothing to do: a failed idle client has already left the pool.
  pool.on("error", () => {});

  const connect = async (): Promise<PostgresConnection> => {
    const client = await pool.connect().catch((error: unknown) => {
      throw unavailable(error);
    });
    return createConnection(client, lost);
  };

  const acquire: PostgresPool["acquire"] = async (probe) => {
    for (let attempt = 1; ; attempt += 1) {
      const connection = await connect();
      try {
        await connection.query({ text: probe });
        return connection;
      } catch (error) {
        connection.release();
        // Each attempt removes one dead connection from the pool; after this many, all are new.
        if (!connection.isLost || attempt > MAX_CONNECTIONS) throw error;
      }
    }
  };

  const readOn = async (connection: PostgresConnection, query: pg.QueryConfig): Promise<pg.QueryResult> => {
    try {
      return await connection.query(query);
    } finally {
      connection.release();
    }
  };

  return {
    acquire,
    read: async (query) => {
      const connection = await connect();
      try {
        return await readOn(connection, query);
      } catch (error) {
        if (!connection.isLost) throw error;
        // Retry only once: an admin who ends a runaway query does not want it to come back again and again.
        return readOn(await acquire("select 1"), query);
      }
    },
    end: () => pool.end(),
  };
};

const createConnection = (client: pg.PoolClient, lost: WeakSet<pg.ClientBase>): PostgresConnection => {
  let isBroken = false;

  const query: PostgresConnection["query"] = async (config) => {
    try {
      return await client.query(config);
    } catch (error) {
      // The server reports this before it closes the connection, which the client notices later.
      if (endsSession(error)) lost.add(client);
      // The driver's own errors have no codes; on a lost connection every error means that it is lost.
      throw lost.has(client) ? unavailable(error) : translateError(error);
    }
  };

  return {
    query,
    commit: async () => {
      const isSent = !lost.has(client);
      const { command } = await query({ text: "commit" }).catch((error: unknown) => {
        if (!isSent || !lost.has(client)) throw error;
        throw new StorageError("unavailable", "The connection was lost during the commit", {
          cause: error,
          outcome: "unknown",
        });
      });
      // PostgreSQL answers `ROLLBACK`, without an error, when the unit continued after a failed query.
      if (command === "ROLLBACK")
        throw new Error("The unit was rolled back: it ignored the error of a query");
    },
    rollback: async () => {
      if (lost.has(client)) return;
      await query({ text: "rollback" }).catch(() => {
        isBroken = true;
      });
    },
    get isLost() {
      return lost.has(client);
    },
    release: () => client.release(isBroken || lost.has(client)),
  };
};
