import type { Migration } from "kysely";

export const createDemoWorlds: Migration = {
  up: async (db) => {
    await db.schema
      .createTable("demo_worlds")
      .addColumn("seed", "integer", (column) => column.primaryKey())
      .addColumn("students", "integer", (column) => column.notNull())
      .addColumn("began_at", "bigint", (column) => column.notNull())
      .addColumn("acts", "integer", (column) => column.notNull())
      .addColumn("done", "integer", (column) => column.notNull().defaultTo(0))
      .execute();
  },
};
