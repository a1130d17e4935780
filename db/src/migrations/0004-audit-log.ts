import { sql, type Migration } from "kysely";
import type { DialectName } from "../database.ts";
import { storedByKey } from "./keyed-table.ts";

export const createAuditLog = (dialect: DialectName): Migration => ({
  up: async (db) => {
    await db.schema
      .createTable("audit_log")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("at", "bigint", (column) => column.notNull())
      .addColumn("action", "text", (column) => column.notNull())
      .addColumn("actor", "text", (column) => column.notNull())
      .addColumn("user_id", "text")
      .addColumn("session_id", "text")
      .addColumn("phone", "text")
      .addColumn("ip", "text")
      .addColumn("reason", "text")
      .$call(storedByKey(dialect))
      .execute();
    for (const statement of appendOnly[dialect]) await sql.raw(statement).execute(db);
  },
});

const appendOnly: Record<DialectName, readonly string[]> = {
  sqlite: ["update", "delete"].map(
    (verb) =>
      `create trigger audit_log_no_${verb} before ${verb} on audit_log
       begin select raise(abort, 'audit_log is append-only'); end`,
  ),
  postgres: [
    `create function audit_log_is_append_only() returns trigger language plpgsql as
     $$ begin raise exception 'audit_log is append-only'; end $$`,
    `create trigger audit_log_no_change before update or delete on audit_log
     for each row execute function audit_log_is_append_only()`,
    `create trigger audit_log_no_truncate before truncate on audit_log
     for each statement execute function audit_log_is_append_only()`,
  ],
};
