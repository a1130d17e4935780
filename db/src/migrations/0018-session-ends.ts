import { sql, type Migration } from "kysely";
import type { DialectName } from "../database.ts";

/**
 * Creates a log of ended sessions, in an order that nodes can read without comparing clocks. Triggers write it, so that no
 * writer can forget to: a node of an older version, an admin's own SQL, the deletion of a student.
 *
 * `position` orders the rows. SQLite commits one transaction after the other, so a counter gives the order of commits.
 * A sequence of PostgreSQL does not: a lower number may be committed after a higher one was read. On PostgreSQL a row
 * has the id of its transaction. A node remembers the oldest transaction that was still running at its last read, starts
 * the next read there, and misses nothing.
 */
export const createSessionEnds = (dialect: DialectName): Migration => ({
  up: async (db) => {
    await db.schema
      .createTable("session_ends")
      .$call((table) =>
        dialect === "sqlite"
          ? table.addColumn("position", "integer", (column) => column.primaryKey().autoIncrement())
          : table.addColumn("position", "bigint", (column) =>
              column.notNull().defaultTo(sql`txid_current()`),
            ),
      )
      .addColumn("session_id", "text", (column) => column.notNull())
      // By the clock of the database, which also decides when the row is deleted.
      .addColumn("logged_at", "bigint", (column) => column.notNull())
      .execute();
    if (dialect === "postgres") {
      await db.schema
        .createIndex("session_ends_by_position")
        .on("session_ends")
        .columns(["position", "session_id"])
        .execute();
    }
    await db.schema.createIndex("session_ends_by_time").on("session_ends").column("logged_at").execute();
    for (const statement of dialect === "sqlite" ? sqliteTriggers : postgresTriggers)
      await sql.raw(statement).execute(db);
  },
});

const sqliteTriggers = ["update of ended_at", "delete"].map((event) => {
  const name = event === "delete" ? "session_deleted" : "session_ended";
  const isEnd =
    event === "delete" ? "old.ended_at is null" : "old.ended_at is null and new.ended_at is not null";
  return `create trigger ${name} after ${event} on sessions when ${isEnd} begin
    insert into session_ends (session_id, logged_at)
    values (old.id, cast(unixepoch('subsec') * 1000 as integer));
  end`;
});

const postgresTriggers = [
  `create function log_session_end() returns trigger language plpgsql as $$ begin
    insert into session_ends (session_id, logged_at)
    values (old.id, (extract(epoch from clock_timestamp()) * 1000)::bigint);
    return null;
  end $$`,
  `create trigger session_ended after update of ended_at on sessions for each row
    when (old.ended_at is null and new.ended_at is not null) execute function log_session_end()`,
  `create trigger session_deleted after delete on sessions for each row
    when (old.ended_at is null) execute function log_session_end()`,
];
