import { sql, type CreateTableBuilder } from "kysely";
import type { DialectName } from "../database.ts";

/**
 * A table that is stored by its key. SQLite would keep a second tree, from the text key to a row number,
 * and write both at every insert; PostgreSQL has no such choice.
 */
export const storedByKey =
  (dialect: DialectName) =>
  <Name extends string, Columns extends string>(
    table: CreateTableBuilder<Name, Columns>,
  ): CreateTableBuilder<Name, Columns> =>
    dialect === "sqlite" ? table.modifyEnd(sql`without rowid`) : table;
