import { sql, type RawBuilder } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";

/**
 * The name that the student of a column gives herself, in a query that has joined `profiles`; `null` where she has blocked
 * the one who asks.
 */
export const visibleName = (viewerId: UserId, studentColumn: string): RawBuilder<string | null> =>
  sql<string | null>`case when exists (
      select 1 from contacts as theirs
      where theirs.owner_id = ${sql.ref(studentColumn)} and theirs.contact_id = ${viewerId} and theirs.is_blocked = 1
    ) then null else profiles.name end`;
