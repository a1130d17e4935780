import { sql, type Queries, type SqlBool, type Tables } from "@edvoyage/db";
import { leastIdAt } from "./crypto.ts";

/** How many rows one statement of a clean-up may delete; it blocks all other writes. */
const BATCH = 500;

/** The tables whose ids tell when their rows were created. */
type TableByAge = keyof Pick<Tables, "challenges" | "sends" | "sessions" | "wrong_codes">;

/** Deletes a batch of a table's rows that were created before `before`. Returns whether there may be more. */
export const deleteBatch = async (
  queries: Queries,
  { table, before }: { readonly table: TableByAge; readonly before: number },
): Promise<boolean> => {
  const old = sql`(select id from ${sql.table(table)} where id < ${leastIdAt(before)} limit ${BATCH})`;
  const deleted = await queries.kysely
    .deleteFrom(table)
    .where(sql<SqlBool>`id in ${old}`)
    .returning(sql<string>`id`.as("id"))
    .execute();
  return deleted.length === BATCH;
};
