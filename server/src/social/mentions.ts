import type { Queries, UnitOfWork } from "@edvoyage/db";
import type { CommentId, Limits, PostId, UserId } from "@edvoyage/protocol";
import { AppError } from "../platform/errors.ts";
import { mentionQueries as queries, mentionsIn } from "./mentions.store.ts";

/** A student whom a post or comment names. The app knows where in the text it stands. */
export interface Mention {
  readonly id: UserId;
  readonly name: string | null;
}

/** Whom posts and comments name. */
export interface Mentions {
  /**
   * Those of the ids that are students shown to the one who names them, each once: what a phone knew of the others
   * while it was offline is no reason to refuse a text. Throws `limit/reached`.
   */
  resolve(tx: UnitOfWork, authorId: UserId, userIds: readonly UserId[]): Promise<readonly UserId[]>;
  /** Puts them in the place of those whom the subject named before. */
  replace(
    tx: UnitOfWork,
    subject: { readonly id: PostId | CommentId; readonly postId: PostId },
    userIds: readonly UserId[],
  ): Promise<void>;
  /** Whom each of the subjects names, as far as they are shown to the one who asks. */
  of<Row extends { readonly id: PostId | CommentId; readonly has_mentions: number }>(
    read: Pick<Queries, "kysely">,
    viewerId: UserId,
    rows: readonly Row[],
  ): Promise<(subjectId: Row["id"]) => readonly Mention[]>;
}

export const createMentions = ({ limits }: { readonly limits: Pick<Limits, "mentions"> }): Mentions => ({
  resolve: async (tx, authorId, userIds) => {
    const named = [...new Set(userIds)];
    if (named.length > limits.mentions) {
      throw new AppError("limit/reached", "This names too many students.", { limit: "mentions" });
    }
    const shown: UserId[] = [];
    for (const userId of named) {
      if (await tx.first(queries.mentionable, { viewerId: authorId, userId })) shown.push(userId);
    }
    return shown;
  },

  replace: async (tx, { id: subjectId, postId }, userIds) => {
    await tx.all(queries.removeAll, { subjectId });
    for (const [place, userId] of userIds.entries()) {
      await tx.all(queries.insert, { subjectId, userId, postId, place });
    }
  },

  of: async (read, viewerId, rows) => {
    const ids = rows.filter((row) => row.has_mentions === 1).map(({ id }) => id);
    // Most name nobody.
    const mentions = ids.length > 0 ? await mentionsIn(read, viewerId, ids) : [];
    return (subjectId) =>
      mentions.filter((row) => row.subject_id === subjectId).map(({ user_id: id, name }) => ({ id, name }));
  },
});
