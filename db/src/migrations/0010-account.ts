import { sql, type Kysely, type Migration } from "kysely";
import type { DialectName } from "../database.ts";
import { storedByKey } from "./keyed-table.ts";

export const createAccount = (dialect: DialectName): Migration => ({
  up: async (db) => {
    for (const column of [
      "photo_url",
      "bio",
      "institution",
      "home_country",
      "date_of_birth",
      "education",
      "work",
      "preferred_countries",
      "preferred_levels",
    ]) {
      await db.schema.alterTable("profiles").addColumn(column, "text").execute();
    }
    await db.schema
      .alterTable("profiles")
      .addColumn("findable", "integer", (column) => column.notNull().defaultTo(0))
      .execute();

    await db.schema.alterTable("users").addColumn("erase_at", "bigint").execute();
    await db.schema
      .createIndex("users_to_erase")
      .on("users")
      .column("erase_at")
      .where(sql.ref("erase_at"), "is not", null)
      .execute();
    await db.schema.alterTable("challenges").addColumn("undid_deletion", "integer").execute();

    await db.schema
      .createTable("erasures")
      .addColumn("user_id", "text", (column) => column.primaryKey())
      .addColumn("phone", "text")
      .addColumn("begun_at", "bigint", (column) => column.notNull())
      .addColumn("done_at", "bigint")
      .addColumn("scrubbed_at", "bigint")
      .$call(storedByKey(dialect))
      .execute();
    await db.schema
      .createIndex("erasures_open")
      .on("erasures")
      .column("begun_at")
      .where(sql.ref("scrubbed_at"), "is", null)
      .execute();

    // Deleting a user deletes rows of these tables; without an index it would scan them.
    await db.schema.createIndex("sessions_by_user").on("sessions").column("user_id").execute();
    await db.schema.createIndex("documents_by_owner").on("documents").column("owner_id").execute();

    await db.schema
      .createIndex("audit_log_with_ip")
      .on("audit_log")
      .column("phone")
      .where(sql.ref("ip"), "is not", null)
      .execute();
    await allowAddressRemoval[dialect](db);
  },
});

/** Allows one change to the audit log: removing the IP address of an entry. */
const allowAddressRemoval: Record<DialectName, (db: Kysely<unknown>) => Promise<void>> = {
  sqlite: async (db) => {
    await sql`drop trigger audit_log_no_update`.execute(db);
    await sql`
      create trigger audit_log_no_update before update on audit_log
      when not (new.ip is null and new.id is old.id and new.at is old.at and new.action is old.action
        and new.actor is old.actor and new.user_id is old.user_id and new.session_id is old.session_id
        and new.phone is old.phone and new.reason is old.reason)
      begin select raise(abort, 'audit_log is append-only'); end`.execute(db);
  },
  postgres: async (db) => {
    await sql`
      create or replace function audit_log_is_append_only() returns trigger language plpgsql as $$
      begin
        if tg_op = 'UPDATE' then
          if new.ip is null and (new.id, new.at, new.action, new.actor, new.user_id, new.session_id, new.phone, new.reason)
            is not distinct from (old.id, old.at, old.action, old.actor, old.user_id, old.session_id, old.phone, old.reason)
          then return new; end if;
        end if;
        raise exception 'audit_log is append-only';
      end $$`.execute(db);
  },
};
