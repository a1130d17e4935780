import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import pg from "pg";
import { inject, onTestFinished } from "vitest";
import { createDatabasePool, type DatabasePool } from "./database-pool.ts";

/** Databases that this machine can run tests on. The setup prints a warning if PostgreSQL is missing. */
export const DIALECTS: readonly ("sqlite" | "postgres")[] = inject("postgresUrl")
  ? ["sqlite", "postgres"]
  : ["sqlite"];
export type TestDialect = (typeof DIALECTS)[number];

/** Creates a folder that is deleted when the test ends. */
export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "edvoyage-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

let databases = 0;
let pool: DatabasePool | undefined;

/** Returns the URL of an empty database for this test alone. */
export const emptyDatabase = async (dialect: TestDialect): Promise<string> => {
  if (dialect === "sqlite") return `sqlite:${emptyPath()}`;
  const url = postgresUrl();
  const name = `test_${process.pid}_${(databases += 1)}`;
  await administer(url, `create database ${name}`);
  onTestFinished(() => administer(url, `drop database ${name} with (force)`));
  return url.replace(/[^/]+$/, name);
};

/** Returns the URL of a database for a server. It already has the tables, if the setup of the databases ran. */
export const serverDatabase = async (dialect: TestDialect): Promise<string> => {
  if (dialect === "sqlite") {
    const path = emptyPath();
    const template = inject("sqliteTemplate");
    if (template) copyFileSync(template, path);
    return `sqlite:${path}`;
  }
  pool ??= createDatabasePool(postgresUrl());
  const { acquire, release } = pool;
  const url = await acquire();
  onTestFinished(() => release(url));
  return url;
};

const emptyPath = (): string => join(temporaryFolder(), "edvoyage.sqlite");

const postgresUrl = (): string => {
  const url = inject("postgresUrl");
  if (!url) throw new Error("PostgreSQL is not running");
  return url;
};

/** Runs a query directly on the database of a running server, without going through the server. */
export const rowsOf = async (databaseUrl: string, query: string): Promise<unknown[]> => {
  if (databaseUrl.startsWith("sqlite:")) {
    const file = new Sqlite(databaseUrl.slice("sqlite:".length), { readonly: true });
    const rows = file.prepare(query).all();
    file.close();
    return rows;
  }
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query(query);
  await client.end();
  return rows;
};

/** Changes the database behind the server's back, which the product never does. The server should be idle meanwhile. */
export const writeRows = async (databaseUrl: string, statement: string): Promise<void> => {
  if (!databaseUrl.startsWith("sqlite:")) return administer(databaseUrl, statement);
  const file = new Sqlite(databaseUrl.slice("sqlite:".length));
  file.prepare(statement).run();
  file.close();
};

const administer = async (url: string, statement: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
};
