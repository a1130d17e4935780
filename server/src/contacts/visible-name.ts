import { sql, type RawBuilder } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";

/**
 * Selects the profile name of the student in `studentColumn`; `null` if that student has blocked the viewer. The query must
 * have joined `profiles`.
 */
export const visibleName = (viewerId: UserId, studentColumn: string): RawBuilder<string | null> =>
  sql<string | null>`case when exists (
      select 1 from contacts as theirs
      where theirs.owner_id = ${sql.ref(studentColumn)} and theirs.contact_id = ${viewerId} and theirs.is_blocked = 1
    ) then null else profiles.name end`;
