import type { Migration } from "kysely";
import type { DialectName } from "../database.ts";
import { binary } from "./binary.ts";
import { storedByKey } from "./keyed-table.ts";

export const createDocuments = (dialect: DialectName): Migration => ({
  up: async (db) => {
    await db.schema
      .createTable("documents")
      .addColumn("name", "text", (column) => column.primaryKey())
      .addColumn("owner_id", "text", (column) => column.notNull().references("users.id").onDelete("cascade"))
      .addColumn("epoch", "integer", (column) => column.notNull())
      .addColumn("writer_id", "bigint", (column) => column.notNull())
      .addColumn("revision", "integer", (column) => column.notNull())
      .addColumn("snapshot", binary(dialect))
      .addColumn("snapshot_revision", "integer", (column) => column.notNull())
      .addColumn("changed_at", "bigint", (column) => column.notNull())
      .execute();
    if (dialect === "postgres") {
      // Nodes poll for changes of other nodes. A SQLite file has only one process and needs no such index.
      await db.schema
        .createIndex("documents_by_change")
        .on("documents")
        .columns(["changed_at", "name"])
        .execute();
    }
    await db.schema
      .createTable("document_updates")
      .addColumn("name", "text", (column) =>
        column.notNull().references("documents.name").onDelete("cascade"),
      )
      .addColumn("revision", "integer", (column) => column.notNull())
      .addColumn("bytes", binary(dialect), (column) => column.notNull())
      .addColumn("at", "bigint", (column) => column.notNull())
      .addPrimaryKeyConstraint("document_updates_key", ["name", "revision"])
      .$call(storedByKey(dialect))
      .execute();
    await db.schema
      .createTable("favourites")
      .addColumn("user_id", "text", (column) => column.notNull().references("users.id").onDelete("cascade"))
      .addColumn("kind", "text", (column) => column.notNull())
      .addColumn("target_id", "text", (column) => column.notNull())
      .addColumn("added_at", "bigint", (column) => column.notNull())
      .addPrimaryKeyConstraint("favourites_key", ["user_id", "kind", "target_id"])
      .$call(storedByKey(dialect))
      .execute();
    await db.schema
      .createIndex("favourites_by_added")
      .on("favourites")
      .columns(["user_id", "added_at", "target_id", "kind"])
      .execute();
  },
});
