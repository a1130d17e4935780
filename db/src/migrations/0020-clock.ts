import type { Migration } from "kysely";

/** Adds the latest time that a server has told devices: after a restart, no server tells an earlier one. */
export const createClock: Migration = {
  up: async (db) => {
    await db.schema
      .alterTable("database_epoch")
      .addColumn("clock_at", "bigint", (column) => column.notNull().defaultTo(0))
      .execute();
  },
};
