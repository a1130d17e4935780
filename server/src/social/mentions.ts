import type { Queries, UnitOfWork } from "@edvoyage/db";
import type { CommentId, Limits, PostId, UserId, StudentMention } from "@edvoyage/protocol";
import { AppError } from "../platform/errors.ts";
import { mentionQueries as queries, mentionsIn } from "./mentions.store.ts";

export type { StudentMention } from "@edvoyage/protocol";

/** Mentions of students in posts and comments. */
export interface Mentions {
  /**
   * Returns the ids of the students who are visible to the author, each once. The others are left out: an offline phone
   * may not know yet that they are gone, and that is no reason to reject a text. Throws `limit/reached`.
   */
  resolve(tx: UnitOfWork, authorId: UserId, userIds: readonly UserId[]): Promise<readonly UserId[]>;
  /** Replaces the mentions of a post or comment. */
  replace(
    tx: UnitOfWork,
    subject: { readonly id: PostId | CommentId; readonly postId: PostId },
    userIds: readonly UserId[],
  ): Promise<void>;
  /** Loads the mentions of each post or comment; only students who are visible to the viewer are included. */
  load<Row extends { readonly id: PostId | CommentId; readonly has_mentions: number }>(
    read: Pick<Queries, "kysely">,
    viewerId: UserId,
    rows: readonly Row[],
  ): Promise<(subjectId: Row["id"]) => readonly StudentMention[]>;
}

export const createMentions = ({ limits }: { readonly limits: Pick<Limits, "mentions"> }): Mentions => ({
  resolve: async (tx, authorId, userIds) => {
    const mentionedIds = [...new Set(userIds)];
    if (mentionedIds.length > limits.mentions) {
      throw new AppError("limit/reached", "This mentions too many students.", { limit: "mentions" });
    }
    const visibleIds: UserId[] = [];
    for (const userId of mentionedIds) {
      if (await tx.first(queries.mentionable, { viewerId: authorId, userId })) visibleIds.push(userId);
    }
    return visibleIds;
  },

  replace: async (tx, { id: subjectId, postId }, userIds) => {
    await tx.all(queries.removeAll, { subjectId });
    for (const [place, userId] of userIds.entries()) {
      await tx.all(queries.insert, { subjectId, userId, postId, place });
    }
  },

  load: async (read, viewerId, rows) => {
    const ids = rows.filter((row) => row.has_mentions === 1).map(({ id }) => id);
    // Most texts mention nobody; do not query for them.
    const mentions = ids.length > 0 ? await mentionsIn(read, viewerId, ids) : [];
    return (subjectId) =>
      mentions.filter((row) => row.subject_id === subjectId).map(({ user_id: id, name }) => ({ id, name }));
  },
});
