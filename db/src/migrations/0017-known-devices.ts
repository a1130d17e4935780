import { sql, type Migration } from "kysely";

export const createKnownDevices: Migration = {
  up: async (db) => {
    // The newest sign-ins of a phone are at the end of this index, however many devices it has.
    await db.schema
      .createIndex("phone_devices_by_sign_in")
      .on("phone_devices")
      .columns(["phone", "signed_in_at", "device_key"])
      .where(sql.ref("signed_in_at"), "is not", null)
      .execute();
    await db.schema
      .alterTable("sends")
      .addColumn("from_reserve", "integer", (column) => column.notNull().defaultTo(0))
      .execute();
  },
};
