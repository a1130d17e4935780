import { sql, type Migration } from "kysely";
import type { DialectName } from "../database.ts";
import { storedByKey } from "./keyed-table.ts";

export const createSessions = (dialect: DialectName): Migration => ({
  up: async (db) => {
    await db.schema
      .createTable("sessions")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("user_id", "text", (column) => column.notNull().references("users.id").onDelete("cascade"))
      .addColumn("device_key", "text", (column) => column.notNull())
      .addColumn("key_hash", "text", (column) => column.notNull().unique())
      .addColumn("device_name", "text")
      .addColumn("platform", "text", (column) => column.notNull())
      .addColumn("app_version", "text")
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addColumn("last_seen_at", "bigint", (column) => column.notNull())
      .addColumn("expires_at", "bigint", (column) => column.notNull())
      .addColumn("ended_at", "bigint")
      .addColumn("end_reason", "text")
      .$call(storedByKey(dialect))
      .execute();
    // Partial indexes: a sign-in writes only those of live sessions; when a session ends, it moves to the index of
    // ended ones.
    await db.schema
      .createIndex("live_sessions_by_user")
      .on("sessions")
      .columns(["user_id", "last_seen_at"])
      .where(sql.ref("ended_at"), "is", null)
      .execute();
    await db.schema
      .createIndex("live_sessions_by_last_seen")
      .on("sessions")
      .columns(["last_seen_at", "id"])
      .where(sql.ref("ended_at"), "is", null)
      .execute();
    await db.schema
      .createIndex("ended_sessions")
      .on("sessions")
      .column("ended_at")
      .where(sql.ref("ended_at"), "is not", null)
      .execute();
  },
});
