import type { Migration } from "kysely";

export const createHeartbeat: Migration = {
  up: async (db) => {
    await db.schema
      .createTable("heartbeat")
      .addColumn("id", "integer", (column) => column.primaryKey())
      .addColumn("at", "bigint", (column) => column.notNull())
      .execute();
  },
};
