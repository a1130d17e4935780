import type { Migration } from "kysely";
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
    await db.schema
      .createIndex("sessions_by_user")
      .on("sessions")
      .columns(["user_id", "ended_at", "last_seen_at"])
      .execute();
    await db.schema
      .createIndex("sessions_by_end")
      .on("sessions")
      .column("ended_at")
      .where("ended_at", "is not", null)
      .execute();
    await db.schema
      .createIndex("sessions_by_last_seen")
      .on("sessions")
      .columns(["last_seen_at", "id"])
      .execute();
  },
});
