import { sql, type Migration } from "kysely";
import type { DialectName } from "../database.ts";
import { storedByKey } from "./keyed-table.ts";

export const createChat = (dialect: DialectName): Migration => ({
  up: async (db) => {
    await db.schema
      .createTable("commands")
      .addColumn("user_id", "text", (column) => column.notNull().references("users.id").onDelete("cascade"))
      .addColumn("command_id", "text", (column) => column.notNull())
      .addColumn("digest", "text", (column) => column.notNull())
      .addColumn("answer", "text")
      .addColumn("at", "bigint", (column) => column.notNull())
      .addPrimaryKeyConstraint("commands_key", ["user_id", "command_id"])
      .$call(storedByKey(dialect))
      .execute();
    await db.schema.createIndex("commands_by_age").on("commands").column("at").execute();

    await db.schema
      .createTable("rooms")
      .addColumn("id", "text", (column) => column.primaryKey().references("logs.id").onDelete("cascade"))
      .addColumn("kind", "text", (column) => column.notNull())
      .addColumn("name", "text")
      .addColumn("history", "text", (column) => column.notNull())
      .addColumn("direct_key", "text", (column) => column.unique())
      .addColumn("with_stranger", "integer", (column) => column.notNull())
      .addColumn("member_count", "integer", (column) => column.notNull())
      .addColumn("created_by", "text", (column) => column.notNull())
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addColumn("changed_at", "bigint", (column) => column.notNull())
      .$call(storedByKey(dialect))
      .execute();
    await db.schema
      .createIndex("rooms_with_strangers")
      .on("rooms")
      .columns(["created_by", "created_at"])
      .where(sql.ref("with_stranger"), "=", sql.lit(1))
      .execute();

    await db.schema
      .createTable("room_members")
      .addColumn("room_id", "text", (column) => column.notNull().references("rooms.id").onDelete("cascade"))
      .addColumn("user_id", "text", (column) => column.notNull().references("users.id").onDelete("cascade"))
      .addColumn("role", "text", (column) => column.notNull())
      .addColumn("peer_id", "text")
      .addColumn("joined_at", "bigint", (column) => column.notNull())
      .addColumn("left_at", "bigint")
      .addColumn("from_segment", "integer", (column) => column.notNull())
      .addColumn("read_segment", "integer", (column) => column.notNull())
      .addColumn("read_position", "integer", (column) => column.notNull())
      .addColumn("changed_at", "bigint", (column) => column.notNull())
      .addPrimaryKeyConstraint("room_members_key", ["room_id", "user_id"])
      .$call(storedByKey(dialect))
      .execute();
    await db.schema
      .createIndex("room_members_by_user")
      .on("room_members")
      .columns(["user_id", "left_at", "room_id"])
      .execute();

    await db.schema
      .createTable("room_invitations")
      .addColumn("room_id", "text", (column) => column.notNull().references("rooms.id").onDelete("cascade"))
      .addColumn("user_id", "text", (column) => column.notNull().references("users.id").onDelete("cascade"))
      .addColumn("invited_by", "text", (column) => column.notNull())
      .addColumn("at", "bigint", (column) => column.notNull())
      .addPrimaryKeyConstraint("room_invitations_key", ["room_id", "user_id"])
      .$call(storedByKey(dialect))
      .execute();
    await db.schema
      .createIndex("room_invitations_by_user")
      .on("room_invitations")
      .columns(["user_id", "at"])
      .execute();

    await db.schema
      .createTable("contacts")
      .addColumn("owner_id", "text", (column) => column.notNull().references("users.id").onDelete("cascade"))
      .addColumn("contact_id", "text", (column) =>
        column.notNull().references("users.id").onDelete("cascade"),
      )
      .addColumn("nickname", "text")
      .addColumn("is_favourite", "integer", (column) => column.notNull())
      .addColumn("is_blocked", "integer", (column) => column.notNull())
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addColumn("updated_at", "bigint", (column) => column.notNull())
      .addPrimaryKeyConstraint("contacts_key", ["owner_id", "contact_id"])
      .$call(storedByKey(dialect))
      .execute();
    await db.schema
      .createIndex("contacts_by_contact")
      .on("contacts")
      .columns(["contact_id", "owner_id"])
      .execute();
  },
});
