import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ExpoSqlite, ExpoSqliteDatabase } from "@edvoyage/client-sdk/react-native";
import Sqlite from "better-sqlite3";

/**
 * A fake of `expo-sqlite` over real SQLite that follows its sources of version 57.0.3 (src/SQLiteDatabase.ts,
 * src/SQLiteStatement.ts, ios/SQLiteModule.swift, ios/Exceptions.swift, android/…/SQLiteModule.kt,
 * android/…/cpp/NativeDatabaseBinding.cpp): every call is queued on its own, a statement takes three calls, and a file
 * that is already open can be opened again, on the same connection or on another one, but cannot be deleted.
 */
export interface FakeExpoSqlite extends ExpoSqlite {
  /** Stops every database from growing. */
  fill(): void;
  /** Lets the databases grow again. */
  free(): void;
  /** Releases the native side of every open connection: all calls on these reject from now on, closing too. */
  releaseAll(): void;
}

export type FakePlatform = "ios" | "android";

/** The maximum of SQLite, whose page numbers have 32 bits. */
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

  /** Makes one call over the bridge. It settles in a later turn; a rejection has the platform's wording. */
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
      const prepared = await call("prepareAsync", () =>
        withPlatformCode(platform, () => open().prepare(source)),
      );
      let finalize = (): void => void open();
      try {
        return await call(name, () => {
          open();
          try {
            return withPlatformCode(platform, () => step(prepared));
          } catch (error) {
            // sqlite3_finalize reports the error of the last step again.
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
      // `exec` passes on only the text of an error, without its code.
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
        // Only the database file is deleted, not its write-ahead log.
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
    releaseAll: () => {
      for (const { native } of connections.splice(0)) native.close();
    },
  };
};

/**
 * Rewords an error of SQLite as the platform passes it on: Android appends the code as a character (`result += code`).
 */
const withPlatformCode = <T>(platform: FakePlatform, task: () => T): T => {
  try {
    return task();
  } catch (error) {
    if (!(error instanceof Sqlite.SqliteError)) throw error;
    const code = CODES[error.code] ?? 1;
    throw new Error(`Error code ${platform === "ios" ? code : String.fromCharCode(code)}: ${error.message}`);
  }
};

const CODES: Readonly<Record<string, number>> = { SQLITE_BUSY: 5, SQLITE_FULL: 13, SQLITE_CONSTRAINT: 19 };

/** Expo passes an empty array as a null pointer, which SQLite stores as null. */
const bound = (value: Uint8Array): Uint8Array | null => (value.byteLength === 0 ? null : value);

const rowOfUint8Arrays = (row: unknown): unknown =>
  Object.fromEntries(
    Object.entries(Object(row)).map(([column, value]) => [
      column,
      value instanceof Uint8Array ? new Uint8Array(value) : value,
    ]),
  );
