import { sql, type Migration } from "kysely";
import type { DialectName } from "../database.ts";
import { storedByKey } from "./keyed-table.ts";

export const createApplications = (dialect: DialectName): Migration => {
  // Byte order, so that both databases sort in the same way.
  const orderedText = dialect === "postgres" ? sql`text collate "C"` : sql`text`;
  return {
    up: async (db) => {
      for (const column of ["application_fee", "deadline_month", "deadline_day"]) {
        await db.schema.alterTable("courses").addColumn(column, "integer").execute();
      }
      // The same values that new sample courses get from now on.
      await sql`
        update courses set
          application_fee = case level when 'doctorate' then 0 else tuition_per_year / 250 end,
          deadline_month = case
            when start_month = 9 then case level when 'bachelor' then 1 when 'master' then 3 else 12 end
            else case level when 'bachelor' then 8 when 'master' then 9 else 7 end
          end,
          deadline_day = case
            when start_month = 9 then case level when 'doctorate' then 15 else 31 end
            else case level when 'master' then 30 else 31 end
          end
        where is_sample = 1`.execute(db);

      await db.schema
        .createTable("applications")
        .addColumn("id", orderedText, (column) => column.primaryKey())
        .addColumn("user_id", "text", (column) => column.notNull().references("users.id").onDelete("cascade"))
        .addColumn("status", "text", (column) => column.notNull())
        .addColumn("course_id", "text", (column) => column.notNull())
        .addColumn("course_title", "text", (column) => column.notNull())
        .addColumn("course_level", "text", (column) => column.notNull())
        .addColumn("university_id", "text", (column) => column.notNull())
        .addColumn("university_name", "text", (column) => column.notNull())
        .addColumn("country", "text", (column) => column.notNull())
        .addColumn("start_month", "integer", (column) => column.notNull())
        .addColumn("currency", "text", (column) => column.notNull())
        .addColumn("intake_year", "integer")
        .addColumn("study_mode", "text")
        .addColumn("contact_email", "text")
        .addColumn("funding", "text")
        .addColumn("statement", "text")
        .addColumn("notes", "text")
        .addColumn("fee", "integer")
        .addColumn("deadline", "bigint")
        .addColumn("created_at", "bigint", (column) => column.notNull())
        .addColumn("updated_at", "bigint", (column) => column.notNull())
        .addColumn("submitted_at", "bigint")
        .addColumn("closed_at", "bigint")
        .execute();
      await db.schema
        .createIndex("applications_by_user")
        .on("applications")
        .columns(["user_id", "id"])
        .execute();
      await db.schema
        .createIndex("applications_by_user_and_status")
        .on("applications")
        .columns(["user_id", "status", "id"])
        .execute();
      await db.schema
        .createIndex("applications_by_status")
        .on("applications")
        .columns(["status", "id"])
        .execute();
      await db.schema
        .createIndex("applications_open")
        .unique()
        .on("applications")
        .columns(["user_id", "course_id"])
        .where(sql.ref("closed_at"), "is", null)
        .execute();

      await db.schema
        .createTable("application_moves")
        .addColumn("application_id", orderedText, (column) =>
          column.notNull().references("applications.id").onDelete("cascade"),
        )
        .addColumn("position", "integer", (column) => column.notNull())
        .addColumn("at", "bigint", (column) => column.notNull())
        .addColumn("mover", "text", (column) => column.notNull())
        .addColumn("actor_id", "text")
        .addColumn("from_status", "text")
        .addColumn("to_status", "text", (column) => column.notNull())
        .addColumn("note", "text")
        .addPrimaryKeyConstraint("application_moves_key", ["application_id", "position"])
        .$call(storedByKey(dialect))
        .execute();

      await db.schema
        .createTable("application_documents")
        .addColumn("application_id", orderedText, (column) =>
          column.notNull().references("applications.id").onDelete("cascade"),
        )
        .addColumn("id", orderedText, (column) => column.notNull())
        .addColumn("kind", "text", (column) => column.notNull())
        .addColumn("name", "text", (column) => column.notNull())
        .addColumn("status", "text", (column) => column.notNull())
        .addColumn("note", "text")
        .addColumn("updated_at", "bigint", (column) => column.notNull())
        .addPrimaryKeyConstraint("application_documents_key", ["application_id", "id"])
        .$call(storedByKey(dialect))
        .execute();
    },
  };
};
