import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ExpoSqlite, ExpoSqliteDatabase } from "@edvoyage/client-sdk/react-native";
import Sqlite from "better-sqlite3";

/**
 * `expo-sqlite` over real SQLite, as its sources of version 57.0.3 have it (src/SQLiteDatabase.ts, src/SQLiteStatement.ts,
 * ios/SQLiteModule.swift, ios/Exceptions.swift, android/…/SQLiteModule.kt, android/…/cpp/NativeDatabaseBinding.cpp):
 * every call goes to a queue of its own, a statement takes three of them, a file that is open can be opened once more
 * on the same connection, or on another, and is not deleted.
 */
export interface FakeExpoSqlite extends ExpoSqlite {
  /** Lets no database grow any further. */
  fill(): void;
  /** Lets them grow again. */
  free(): void;
}

export type FakePlatform = "ios" | "android";

/** SQLite's own bound, for a page number of 32 bits. */
const NO_LIMIT_PAGES = 4_294_967_294;

interface Connection {
  readonly path: string;
  readonly native: Sqlite.Database;
  readonly useNewConnection: boolean;
  references: number;
}

export const createFakeExpoSqlite = (folder: string, platform: FakePlatform): FakeExpoSqlite => {
  const connections: Connection[] = [];
  let isFull = false;

  const limit = ({ native }: Connection): void => {
    const pages = isFull ? Number(native.pragma("page_count", { simple: true })) : NO_LIMIT_PAGES;
    native.pragma(`max_page_count = ${pages}`);
  };

  /** One call over the bridge: in a later turn, and a rejection as that platform words it. */
  const call = async <T>(name: string, task: () => T): Promise<T> => {
    await new Promise((resolve) => setImmediate(resolve));
    try {
      return task();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const message =
        platform === "ios"
          ? `Calling the '${name}' function has failed\n→ Caused by: ${reason}`
          : `Call to function 'NativeDatabase.${name}' has been rejected.\n→ Caused by: ${reason}`;
      throw Object.assign(new Error(message), { code: "ERR_INTERNAL_SQLITE_ERROR" });
    }
  };

  const databaseOn = (connection: Connection): ExpoSqliteDatabase => {
    const open = (): Sqlite.Database => {
      if (!connection.native.open) throw new Error("Access to closed resource");
      return connection.native;
    };
    const statement = async <T>(
      source: string,
      { name, step }: { readonly name: string; readonly step: (prepared: Sqlite.Statement) => T },
    ): Promise<T> => {
      const prepared = await call("prepareAsync", () => coded(platform, () => open().prepare(source)));
      let finalize = (): void => void open();
      try {
        return await call(name, () => {
          open();
          try {
            return coded(platform, () => step(prepared));
          } catch (error) {
            // sqlite3_finalize says once more what the last step said.
            finalize = () => {
              throw error;
            };
            throw error;
          }
        });
      } finally {
        await call("finalizeAsync", finalize);
      }
    };

    return {
      // Of exec, the text alone is handed on.
      execAsync: (source) => call("execAsync", () => void open().exec(source)),
      runAsync: (source, params) =>
        statement(source, { name: "runAsync", step: (prepared) => prepared.run(params.map(bound)) }),
      getAllAsync: (source, params) =>
        statement(source, {
          name: "getAllAsync",
          step: (prepared) => (prepared.reader ? prepared.all(params.map(bound)).map(rowOfUint8Arrays) : []),
        }),
      closeAsync: () =>
        call("closeAsync", () => {
          const { native } = connection;
          open();
          connection.references -= 1;
          if (connection.references > 0) return;
          connections.splice(connections.indexOf(connection), 1);
          native.close();
        }),
    };
  };

  return {
    openDatabaseAsync: async (databaseName, { useNewConnection }) =>
      call("NativeDatabase.constructor", () => {
        const path = join(folder, databaseName);
        const cached = connections.find(
          (connection) =>
            connection.path === path && connection.useNewConnection === useNewConnection && !useNewConnection,
        );
        if (cached) {
          cached.references += 1;
          return databaseOn(cached);
        }
        const connection = {
          path,
          native: new Sqlite(path, { timeout: 0 }),
          useNewConnection,
          references: 1,
        };
        connections.push(connection);
        limit(connection);
        return databaseOn(connection);
      }),
    deleteDatabaseAsync: (databaseName) =>
      call("deleteDatabaseAsync", () => {
        const path = join(folder, databaseName);
        if (connections.some((connection) => connection.path === path)) {
          throw new Error(
            platform === "ios"
              ? `Unable to delete database ${path} that is currently open. Close it prior to deletion`
              : `Unable to delete database '${path}' that is currently open. Close it prior to deletion.`,
          );
        }
        if (!existsSync(path)) {
          throw new Error(platform === "ios" ? `Database ${path} not found` : `Database '${path}' not found`);
        }
        // The file alone: not its log.
        rmSync(path);
      }),
    fill: () => {
      isFull = true;
      connections.forEach(limit);
    },
    free: () => {
      isFull = false;
      connections.forEach(limit);
    },
  };
};

/** An error of SQLite as that platform hands it on: Android appends the code as a character (`result += code`). */
const coded = <T>(platform: FakePlatform, task: () => T): T => {
  try {
    return task();
  } catch (error) {
    if (!(error instanceof Sqlite.SqliteError)) throw error;
    const code = CODES[error.code] ?? 1;
    throw new Error(`Error code ${platform === "ios" ? code : String.fromCharCode(code)}: ${error.message}`);
  }
};

const CODES: Readonly<Record<string, number>> = { SQLITE_BUSY: 5, SQLITE_FULL: 13, SQLITE_CONSTRAINT: 19 };

/** No bytes are at no address, which SQLite takes for null. */
const bound = (value: Uint8Array): Uint8Array | null => (value.byteLength === 0 ? null : value);

const rowOfUint8Arrays = (row: unknown): unknown =>
  Object.fromEntries(
    Object.entries(Object(row)).map(([column, value]) => [
      column,
      value instanceof Uint8Array ? new Uint8Array(value) : value,
    ]),
  );
