import { sql, type RawBuilder, type SqlBool } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";

/**
 * Builds the condition that the student in a column is visible to a viewer: neither has blocked the other, and the student
 * is not about to be erased. Blocks and erasures have small partial indexes (migration 13). Their conditions are literals
 * here, not parameters; otherwise no database uses these indexes.
 */
export const isVisibleTo = (viewerId: UserId, column: string): RawBuilder<SqlBool> => {
  const student = sql.ref(column);
  return sql<SqlBool>`${student} not in (select contact_id from contacts where owner_id = ${viewerId} and is_blocked = 1)
    and ${student} not in (select owner_id from contacts where contact_id = ${viewerId} and is_blocked = 1)
    and not exists (select 1 from users as erased where erased.id = ${student} and erased.erase_at is not null)`;
};
