import { sql, type Migration } from "kysely";
import type { DialectName } from "../database.ts";
import { binary } from "./binary.ts";
import { storedByKey } from "./keyed-table.ts";

export const createLogs = (dialect: DialectName): Migration => ({
  up: async (db) => {
    await db.schema
      .createTable("database_epoch")
      .addColumn("id", "integer", (column) => column.primaryKey())
      .addColumn("epoch", "integer", (column) => column.notNull())
      .execute();
    await sql`insert into database_epoch (id, epoch) values (1, 1)`.execute(db);

    await db.schema
      .createTable("logs")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("head_segment", "integer", (column) => column.notNull())
      .$call(storedByKey(dialect))
      .execute();

    await db.schema
      .createTable("log_segments")
      .addColumn("log_id", "text", (column) => column.notNull().references("logs.id").onDelete("cascade"))
      .addColumn("segment", "integer", (column) => column.notNull())
      .addColumn("epoch", "integer", (column) => column.notNull())
      .addColumn("writer_id", "bigint", (column) => column.notNull())
      .addColumn("length", "integer", (column) => column.notNull())
      .addColumn("size_bytes", "integer", (column) => column.notNull())
      .addColumn("redaction_revision", "integer", (column) => column.notNull())
      .addColumn("changed_at", "bigint", (column) => column.notNull())
      .addPrimaryKeyConstraint("log_segments_key", ["log_id", "segment"])
      .$call(storedByKey(dialect))
      .execute();
    if (dialect === "postgres") {
      // Nodes poll for changes of other nodes. A SQLite file has only one process and needs no such index.
      await db.schema
        .createIndex("log_segments_by_change")
        .on("log_segments")
        .columns(["changed_at", "log_id"])
        .execute();
    }

    await db.schema
      .createTable("log_former_writers")
      .addColumn("log_id", "text", (column) => column.notNull().references("logs.id").onDelete("cascade"))
      .addColumn("segment", "integer", (column) => column.notNull())
      .addColumn("epoch", "integer", (column) => column.notNull())
      .addColumn("writer_id", "bigint", (column) => column.notNull())
      .addPrimaryKeyConstraint("log_former_writers_key", ["log_id", "segment", "epoch"])
      .$call(storedByKey(dialect))
      .execute();

    await db.schema
      .createTable("log_entries")
      .addColumn("log_id", "text", (column) => column.notNull().references("logs.id").onDelete("cascade"))
      .addColumn("segment", "integer", (column) => column.notNull())
      .addColumn("position", "integer", (column) => column.notNull())
      .addColumn("id", "text", (column) => column.notNull().unique())
      .addColumn("kind", "text", (column) => column.notNull())
      .addColumn("author_id", "text")
      .addColumn("subject_id", "text")
      .addColumn("at", "bigint", (column) => column.notNull())
      .addColumn("bytes", binary(dialect))
      .addPrimaryKeyConstraint("log_entries_key", ["log_id", "segment", "position"])
      .$call(storedByKey(dialect))
      .execute();
    await db.schema
      .createIndex("log_entries_by_subject")
      .on("log_entries")
      .columns(["subject_id", "kind", "segment", "position", "author_id"])
      .where(sql.ref("subject_id"), "is not", null)
      .execute();
  },
});
