import SqliteDriver from "better-sqlite3";
import pg from "pg";

/** Runs a statement on a world's database, past its server. */
export const administer = async (databaseUrl: string, statement: string): Promise<void> => {
  if (databaseUrl.startsWith("sqlite:")) {
    new SqliteDriver(databaseUrl.slice("sqlite:".length)).exec(statement).close();
    return;
  }
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(statement);
  await client.end();
};
