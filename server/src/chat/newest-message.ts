import { sql, type RawBuilder, type SqlBool } from "@edvoyage/db";

/**
 * Selects the id of the newest message of a room that was not removed, among those that a member may read. The outer query
 * must have the membership as `own`. Further conditions name the message `message`.
 */
export const newestMessage = (...conditions: readonly RawBuilder<SqlBool>[]): RawBuilder<string> => {
  const isReadable = sql<SqlBool>`message.subject_id = own.room_id and message.kind = 'message'
    and message.bytes is not null and message.segment >= own.from_segment`;
  return sql<string>`(select message.id from log_entries as message
    where ${sql.join([isReadable, ...conditions], sql` and `)}
    order by message.segment desc, message.position desc limit 1)`;
};

/** Selects the id of the newest edit of a message by its author. The outer query must have the message as `last`. */
export const newestEdit = (): RawBuilder<string> =>
  sql<string>`(select change.id from log_entries as change
    where change.subject_id = last.id and change.kind = 'edit' and change.author_id = last.author_id
    order by change.segment desc, change.position desc limit 1)`;
