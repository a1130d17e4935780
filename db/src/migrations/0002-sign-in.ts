import { sql, type Migration } from "kysely";
import type { DialectName } from "../database.ts";
import { storedByKey } from "./keyed-table.ts";

export const createSignIn = (dialect: DialectName): Migration => ({
  up: async (db) => {
    await db.schema
      .createTable("users")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("phone", "text", (column) => column.notNull().unique())
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .$call(storedByKey(dialect))
      .execute();
    await db.schema
      .createTable("profiles")
      .addColumn("user_id", "text", (column) =>
        column.primaryKey().references("users.id").onDelete("cascade"),
      )
      .addColumn("name", "text")
      .addColumn("updated_at", "bigint", (column) => column.notNull())
      .$call(storedByKey(dialect))
      .execute();

    await db.schema
      .createTable("challenges")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("phone", "text", (column) => column.notNull())
      .addColumn("device_key", "text", (column) => column.notNull())
      .addColumn("purpose", "text", (column) => column.notNull())
      .addColumn("code_length", "integer", (column) => column.notNull())
      .addColumn("device_name", "text")
      .addColumn("platform", "text", (column) => column.notNull())
      .addColumn("app_version", "text")
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addColumn("expires_at", "bigint", (column) => column.notNull())
      .addColumn("used_at", "bigint")
      .addColumn("used_by_command_id", "text")
      .addColumn("session_id", "text")
      .addColumn("is_new_user", "integer")
      .$call(storedByKey(dialect))
      .execute();
    await db.schema
      .createIndex("challenges_unused")
      .on("challenges")
      .columns(["phone", "device_key"])
      .where(sql.ref("used_at"), "is", null)
      .execute();

    await db.schema
      .createTable("phone_devices")
      .addColumn("phone", "text", (column) => column.notNull())
      .addColumn("device_key", "text", (column) => column.notNull())
      .addColumn("signed_in_at", "bigint")
      .addColumn("blocked_until", "bigint")
      .addPrimaryKeyConstraint("phone_devices_key", ["phone", "device_key"])
      .$call(storedByKey(dialect))
      .execute();

    await db.schema
      .createTable("wrong_codes")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("phone", "text", (column) => column.notNull())
      .addColumn("device_key", "text", (column) => column.notNull())
      .addColumn("at", "bigint", (column) => column.notNull())
      .addColumn("code_length", "integer", (column) => column.notNull())
      .addColumn("known", "integer", (column) => column.notNull())
      .addColumn("counts_to_block", "integer", (column) => column.notNull())
      .$call(storedByKey(dialect))
      .execute();
    await db.schema.createIndex("wrong_codes_by_phone").on("wrong_codes").columns(["phone", "at"]).execute();

    await db.schema
      .createTable("sends")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("phone", "text", (column) => column.notNull())
      .addColumn("device_key", "text", (column) => column.notNull())
      .addColumn("challenge_id", "text", (column) => column.notNull())
      .addColumn("ip", "text", (column) => column.notNull())
      .addColumn("at", "bigint", (column) => column.notNull())
      .addColumn("known", "integer", (column) => column.notNull())
      .addColumn("state", "text", (column) => column.notNull())
      .$call(storedByKey(dialect))
      .execute();
    await db.schema.createIndex("sends_by_phone").on("sends").columns(["phone", "at"]).execute();
    await db.schema.createIndex("sends_by_ip").on("sends").columns(["ip", "at"]).execute();
    await db.schema
      .createTable("send_minutes")
      .addColumn("minute", "bigint", (column) => column.primaryKey())
      .addColumn("count", "integer", (column) => column.notNull())
      .execute();
  },
});
