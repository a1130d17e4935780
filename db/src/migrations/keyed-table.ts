import { sql, type CreateTableBuilder } from "kysely";
import type { DialectName } from "../database.ts";

/**
 * Stores a table by its key on SQLite (`without rowid`). Otherwise SQLite keeps a second tree from the text key to a row
 * number and writes both at every insert. PostgreSQL has no such option.
 */
export const storedByKey =
  (dialect: DialectName) =>
  <Name extends string, Columns extends string>(
    table: CreateTableBuilder<Name, Columns>,
  ): CreateTableBuilder<Name, Columns> =>
    dialect === "sqlite" ? table.modifyEnd(sql`without rowid`) : table;
