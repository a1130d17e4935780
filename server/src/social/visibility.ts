import { sql, type RawBuilder, type SqlBool } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";

/**
 * Whether the student of a column is shown to another: neither has blocked the other, and she is not about to be erased.
 * Blocks and erasures have small indexes of their own (migration 13), whose conditions stand here as literals: with
 * parameters in their place no database would use them.
 */
export const isVisibleTo = (viewerId: UserId, column: string): RawBuilder<SqlBool> => {
  const student = sql.ref(column);
  return sql<SqlBool>`${student} not in (select contact_id from contacts where owner_id = ${viewerId} and is_blocked = 1)
    and ${student} not in (select owner_id from contacts where contact_id = ${viewerId} and is_blocked = 1)
    and not exists (select 1 from users as erased where erased.id = ${student} and erased.erase_at is not null)`;
};
