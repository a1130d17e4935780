import pg from "pg";
import { StorageError } from "../storage-error.ts";
import { endsSession, translateError, unavailable } from "./postgres-errors.ts";

/** A connection that one caller has for itself, until it releases it. Its errors are translated. */
export interface PostgresConnection {
  query(query: pg.QueryConfig): Promise<pg.QueryResult>;
  /**
   * Commits. Throws `StorageError` with the outcome `unknown` when the connection is lost while the commit is under way;
   * after any other error nothing was kept.
   */
  commit(): Promise<void>;
  /** Rolls back; a connection that cannot is destroyed at its release. */
  rollback(): Promise<void>;
  /** Whether its session is over: what was not committed is undone, and nothing more can be asked of it. */
  readonly isLost: boolean;
  /** Gives it back to the pool, or destroys it when it is lost. */
  release(): void;
}

/** The connections of one process to PostgreSQL. */
export interface PostgresPool {
  /** A connection on which `probe`, such as `begin`, has succeeded: the server may have ended one while it was idle. */
  acquire(probe: string): Promise<PostgresConnection>;
  /** Runs one query outside any transaction. It must only read: when its connection is lost, it runs once more on another. */
  read(query: pg.QueryConfig): Promise<pg.QueryResult>;
  end(): Promise<void>;
}

const MAX_CONNECTIONS = 20;
/** Also how long a unit waits for one of the connections; well below the 30 s that a request may take. */
const CONNECT_TIMEOUT_MS = 15_000;

/** Epoch milliseconds are bigint there; they fit a double until the year 287396. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as "text"),
};

/** Makes the pool; it connects when it is first asked for a connection. */
export const createPostgresPool = (url: string): PostgresPool => {
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    types,
  });
  const lost = new WeakSet<pg.ClientBase>();
  pool.on("connect", (client) => {
    // For its whole life: the pool listens only to idle clients, and an error that nobody listens to ends the process.
    client.on("error", () => lost.add(client));
    client.on("end", () => lost.add(client));
  });
  // An idle client that failed has left the pool already.
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
        // Each attempt takes one dead connection out of the pool; after so many it has only new ones.
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
        // Only once more: an admin who ends a runaway query does not want it back again and again.
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
      // The server says so before it closes the connection, which the client learns later.
      if (endsSession(error)) lost.add(client);
      // The driver has no codes for its own errors; on a lost connection every error means just that.
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
      // PostgreSQL answers so, without an error, when the unit went on after one of its queries had failed.
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
