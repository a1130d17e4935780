import { sql, type Migration } from "kysely";
import type { DialectName } from "../database.ts";
import { storedByKey } from "./keyed-table.ts";

export const createNotifications = (dialect: DialectName): Migration => ({
  up: async (db) => {
    await db.schema
      .createTable("area_changes")
      .addColumn("user_id", "text", (column) => column.notNull().references("users.id").onDelete("cascade"))
      .addColumn("area", "text", (column) => column.notNull())
      .addColumn("changed_at", "bigint", (column) => column.notNull())
      .addPrimaryKeyConstraint("area_changes_key", ["user_id", "area"])
      .$call(storedByKey(dialect))
      .execute();
    await db.schema
      .createIndex("area_changes_by_time")
      .on("area_changes")
      .columns(["changed_at", "user_id", "area"])
      .execute();

    await db.schema
      .createTable("notifications")
      .addColumn("user_id", "text", (column) => column.notNull().references("users.id").onDelete("cascade"))
      .addColumn("id", "text", (column) => column.notNull())
      .addColumn("kind", "text", (column) => column.notNull())
      .addColumn("actor_id", "text", (column) => column.references("users.id").onDelete("cascade"))
      .addColumn("subject_kind", "text", (column) => column.notNull())
      .addColumn("subject_id", "text", (column) => column.notNull())
      .addColumn("status", "text")
      .addColumn("at", "bigint", (column) => column.notNull())
      .addColumn("read_at", "bigint")
      .addColumn("changed_at", "bigint", (column) => column.notNull())
      .addPrimaryKeyConstraint("notifications_key", ["user_id", "id"])
      .$call(storedByKey(dialect))
      .execute();
    await db.schema
      .createIndex("notifications_by_change")
      .on("notifications")
      .columns(["user_id", "changed_at", "id"])
      .execute();
    await db.schema
      .createIndex("notifications_unread")
      .on("notifications")
      .columns(["user_id", "id"])
      .where(sql.ref("read_at"), "is", null)
      .execute();
    await db.schema
      .createIndex("notifications_by_subject")
      .on("notifications")
      .columns(["subject_id", "user_id", "kind", "actor_id"])
      .execute();
    // For the erasure of an actor, which deletes their notifications from all lists.
    await db.schema.createIndex("notifications_by_actor").on("notifications").column("actor_id").execute();

    await db.schema
      .createTable("notification_preferences")
      .addColumn("user_id", "text", (column) => column.notNull().references("users.id").onDelete("cascade"))
      .addColumn("kind", "text", (column) => column.notNull())
      .addColumn("is_listed", "integer", (column) => column.notNull())
      .addColumn("is_pushed", "integer", (column) => column.notNull())
      .addPrimaryKeyConstraint("notification_preferences_key", ["user_id", "kind"])
      .$call(storedByKey(dialect))
      .execute();
  },
});
