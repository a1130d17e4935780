import type { Migration } from "kysely";

/** Marks sign-ins on devices that keep nothing, such as a browser that blocks its storage. */
export const createEphemeralSessions: Migration = {
  up: async (db) => {
    for (const table of ["challenges", "sessions"]) {
      await db.schema
        .alterTable(table)
        .addColumn("ephemeral", "integer", (column) => column.notNull().defaultTo(0))
        .execute();
    }
  },
};
