import { sql, type Migration } from "kysely";
import type { DialectName } from "../database.ts";

export const createCatalogue = (dialect: DialectName): Migration => {
  // Byte order, so that both databases sort names in the same way.
  const orderedText = dialect === "postgres" ? sql`text collate "C"` : sql`text`;
  return {
    up: async (db) => {
      await db.schema
        .createTable("universities")
        .addColumn("id", orderedText, (column) => column.primaryKey())
        .addColumn("source_key", "text", (column) => column.notNull().unique())
        .addColumn("name", "text", (column) => column.notNull())
        .addColumn("country", "text", (column) => column.notNull())
        .addColumn("city", "text")
        .addColumn("region", "text")
        .addColumn("website", "text")
        .addColumn("domains", "text", (column) => column.notNull())
        .addColumn("main_domain", "text")
        .addColumn("import_id", "text")
        .addColumn("sort_key", orderedText, (column) => column.notNull())
        .addColumn("search_words", "text", (column) => column.notNull())
        .addColumn("updated_at", "bigint", (column) => column.notNull())
        .execute();
      await db.schema
        .createIndex("universities_by_name")
        .on("universities")
        .columns(["sort_key", "id", "search_words"])
        .execute();
      await db.schema
        .createIndex("universities_by_country")
        .on("universities")
        .columns(["country", "sort_key", "id", "search_words"])
        .execute();

      await db.schema
        .createIndex("universities_by_domain")
        .on("universities")
        .column("main_domain")
        .execute();

      await db.schema
        .createTable("courses")
        .addColumn("id", orderedText, (column) => column.primaryKey())
        .addColumn("university_id", orderedText, (column) => column.notNull().references("universities.id"))
        .addColumn("title", "text", (column) => column.notNull())
        .addColumn("level", "text", (column) => column.notNull())
        .addColumn("subject", "text", (column) => column.notNull())
        .addColumn("language", "text", (column) => column.notNull())
        .addColumn("duration_months", "integer", (column) => column.notNull())
        .addColumn("tuition_per_year", "integer", (column) => column.notNull())
        .addColumn("currency", "text", (column) => column.notNull())
        .addColumn("start_month", "integer", (column) => column.notNull())
        .addColumn("is_sample", "integer", (column) => column.notNull())
        .addColumn("sort_key", orderedText, (column) => column.notNull())
        .addColumn("search_words", "text", (column) => column.notNull())
        .addColumn("updated_at", "bigint", (column) => column.notNull())
        .execute();
      await db.schema
        .createIndex("courses_by_title")
        .on("courses")
        .columns(["sort_key", "id", "level", "search_words"])
        .execute();
      await db.schema
        .createIndex("courses_by_university")
        .on("courses")
        .columns(["university_id", "sort_key", "id"])
        .execute();
    },
  };
};
