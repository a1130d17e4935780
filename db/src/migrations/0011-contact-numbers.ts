import { sql, type Migration } from "kysely";
import type { DialectName } from "../database.ts";
import { storedByKey } from "./keyed-table.ts";

export const createContactNumbers = (dialect: DialectName): Migration => ({
  up: async (db) => {
    await db.schema
      .alterTable("contacts")
      .addColumn("id", "text", (column) => column.notNull().defaultTo(""))
      .execute();
    // Contacts that were added as students keep the id that devices know.
    await sql`update contacts set id = contact_id`.execute(db);
    await db.schema.createIndex("contacts_by_id").on("contacts").columns(["owner_id", "id"]).execute();

    await db.schema
      .createTable("contact_numbers")
      .addColumn("owner_id", "text", (column) => column.notNull().references("users.id").onDelete("cascade"))
      .addColumn("id", "text", (column) => column.notNull())
      .addColumn("phone", "text", (column) => column.notNull())
      .addColumn("nickname", "text")
      .addColumn("is_favourite", "integer", (column) => column.notNull())
      .addColumn("is_bound", "integer", (column) => column.notNull())
      // The entry belongs to its owner, so it stays when the student with the number is deleted.
      .addColumn("holder_id", "text", (column) => column.references("users.id").onDelete("set null"))
      .addColumn("contact_id", "text", (column) => column.references("users.id").onDelete("set null"))
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addColumn("updated_at", "bigint", (column) => column.notNull())
      .addPrimaryKeyConstraint("contact_numbers_key", ["owner_id", "id"])
      .addUniqueConstraint("contact_numbers_by_owner", ["owner_id", "phone"])
      .$call(storedByKey(dialect))
      .execute();
    // Finds the unbound entries of a number when a student registers with it.
    await db.schema
      .createIndex("contact_numbers_unbound")
      .on("contact_numbers")
      .column("phone")
      .where(sql.ref("is_bound"), "=", sql.lit(0))
      .execute();
    await db.schema
      .createIndex("contact_numbers_by_holder")
      .on("contact_numbers")
      .columns(["holder_id", "owner_id"])
      .execute();
    await db.schema
      .createIndex("contact_numbers_by_contact")
      .on("contact_numbers")
      .columns(["contact_id", "owner_id"])
      .execute();

    await db.schema
      .createTable("contact_number_allowances")
      .addColumn("owner_id", "text", (column) =>
        column.primaryKey().references("users.id").onDelete("cascade"),
      )
      .addColumn("full_at", "bigint", (column) => column.notNull())
      .$call(storedByKey(dialect))
      .execute();
  },
});
