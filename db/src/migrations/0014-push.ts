import { sql, type Migration } from "kysely";
import type { DialectName } from "../database.ts";
import { storedByKey } from "./keyed-table.ts";

export const createPush = (dialect: DialectName): Migration => ({
  up: async (db) => {
    await db.schema
      .createIndex("notifications_by_reading")
      .on("notifications")
      .column("read_at")
      .where(sql.ref("read_at"), "is not", null)
      .execute();

    await db.schema
      .createTable("push_settings")
      .addColumn("user_id", "text", (column) =>
        column.primaryKey().references("users.id").onDelete("cascade"),
      )
      .addColumn("shows_previews", "integer", (column) => column.notNull())
      .$call(storedByKey(dialect))
      .execute();

    await db.schema
      .createTable("push_tokens")
      .addColumn("key", "text", (column) => column.primaryKey())
      .addColumn("token", "text", (column) => column.notNull())
      .addColumn("provider", "text", (column) => column.notNull())
      .addColumn("platform", "text", (column) => column.notNull())
      .addColumn("user_id", "text", (column) => column.notNull().references("users.id").onDelete("cascade"))
      .addColumn("session_id", "text", (column) =>
        column.notNull().references("sessions.id").onDelete("cascade"),
      )
      .addColumn("device_key", "text", (column) => column.notNull())
      .addColumn("registered_at", "bigint", (column) => column.notNull())
      .$call(storedByKey(dialect))
      .execute();
    for (const [index, columns] of [
      ["push_tokens_by_user", ["user_id", "registered_at"]],
      ["push_tokens_by_session", ["session_id"]],
      ["push_tokens_by_device", ["device_key"]],
    ] as const) {
      await db.schema
        .createIndex(index)
        .on("push_tokens")
        .columns([...columns])
        .execute();
    }

    await db.schema
      .createTable("push_events")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("kind", "text", (column) => column.notNull())
      .addColumn("subject_id", "text", (column) => column.notNull())
      .addColumn("user_id", "text", (column) => column.references("users.id").onDelete("cascade"))
      .addColumn("after_user_id", "text")
      .$call(storedByKey(dialect))
      .execute();
    await db.schema.createIndex("push_events_by_user").on("push_events").column("user_id").execute();

    await db.schema
      .createTable("push_deliveries")
      .addColumn("token_key", "text", (column) =>
        column.notNull().references("push_tokens.key").onDelete("cascade"),
      )
      .addColumn("subject_id", "text", (column) => column.notNull())
      .addColumn("kind", "text", (column) => column.notNull())
      .addColumn("from_segment", "integer", (column) => column.notNull())
      .addColumn("from_position", "integer", (column) => column.notNull())
      .addColumn("revision", "integer", (column) => column.notNull())
      .addColumn("attempts", "integer", (column) => column.notNull())
      .addColumn("lease", "text")
      .addColumn("due_at", "bigint", (column) => column.notNull())
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addPrimaryKeyConstraint("push_deliveries_key", ["token_key", "subject_id"])
      .$call(storedByKey(dialect))
      .execute();
    await db.schema.createIndex("push_deliveries_due").on("push_deliveries").column("due_at").execute();
    await db.schema
      .createIndex("push_deliveries_leased")
      .on("push_deliveries")
      .column("lease")
      .where(sql.ref("lease"), "is not", null)
      .execute();

    await db.schema
      .createTable("push_receipts")
      .addColumn("ticket", "text", (column) => column.primaryKey())
      .addColumn("token_key", "text", (column) =>
        column.notNull().references("push_tokens.key").onDelete("cascade"),
      )
      .addColumn("due_at", "bigint", (column) => column.notNull())
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .$call(storedByKey(dialect))
      .execute();
    await db.schema.createIndex("push_receipts_due").on("push_receipts").column("due_at").execute();
    await db.schema.createIndex("push_receipts_by_token").on("push_receipts").column("token_key").execute();

    await db.schema
      .createTable("push_dead_letters")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("user_id", "text", (column) => column.notNull().references("users.id").onDelete("cascade"))
      .addColumn("provider", "text", (column) => column.notNull())
      .addColumn("kind", "text", (column) => column.notNull())
      .addColumn("subject_id", "text", (column) => column.notNull())
      .addColumn("attempts", "integer", (column) => column.notNull())
      .addColumn("error", "text", (column) => column.notNull())
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addColumn("died_at", "bigint", (column) => column.notNull())
      .$call(storedByKey(dialect))
      .execute();
    await db.schema
      .createIndex("push_dead_letters_by_user")
      .on("push_dead_letters")
      .column("user_id")
      .execute();
  },
});
