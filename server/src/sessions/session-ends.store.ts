import { prepare, sql, type DialectName, type Queries } from "@edvoyage/db";

const KEPT_MS = 60 * 60 * 1000;
const PRUNE_BATCH = 500;

/** The current time by the database's own clock, epoch milliseconds. */
const nowOf = {
  sqlite: sql<number>`cast(unixepoch('subsec') * 1000 as integer)`,
  postgres: sql<number>`(extract(epoch from statement_timestamp()) * 1000)::bigint`,
} satisfies Record<DialectName, unknown>;

/** The lowest position that a row committed later can have. On SQLite `null` while the table is empty. */
const nextOf = {
  sqlite: sql<number | null>`(select max(position) + 1 from session_ends)`,
  // All transactions below it have ended, and this snapshot includes what they committed.
  postgres: sql<number>`txid_snapshot_xmin(txid_current_snapshot())`,
} satisfies Record<DialectName, unknown>;

const endsFromOf = (dialect: DialectName) =>
  prepare<{ from: number }>()((query, param) =>
    query
      .selectFrom(
        sql<{
          next: number | null;
          now: number;
        }>`(select ${nextOf[dialect]} as next, ${nowOf[dialect]} as now)`.as("present"),
      )
      .leftJoin("session_ends", (join) => join.on((eb) => eb("session_ends.position", ">=", param.from)))
      .select(["present.next", "present.now", "session_ends.session_id"]),
  );

const endsFromByDialect = { sqlite: endsFromOf("sqlite"), postgres: endsFromOf("postgres") };

/**
 * Selects the ends at or after a position, and the position for the next read. Returns one row without a session when there
 * are none. On PostgreSQL the same ends are returned again as long as an older transaction is running.
 */
export const endsFrom = (dialect: DialectName) => endsFromByDialect[dialect];

/** Deletes a batch of ends that are older than an hour; returns whether there may be more. */
export const pruneSessionEnds = async (queries: Queries, dialect: DialectName): Promise<boolean> => {
  const old = await queries.kysely
    .selectFrom("session_ends")
    .select("position")
    .where("logged_at", "<", sql<number>`${nowOf[dialect]} - ${sql.lit(KEPT_MS)}`)
    .orderBy("logged_at")
    .limit(PRUNE_BATCH)
    .execute();
  if (old.length === 0) return false;
  // A query of its own: otherwise PostgreSQL would read the whole table to join it with a part of itself.
  const positions = [...new Set(old.map(({ position }) => position))];
  await queries.kysely.deleteFrom("session_ends").where("position", "in", positions).execute();
  return old.length === PRUNE_BATCH;
};
