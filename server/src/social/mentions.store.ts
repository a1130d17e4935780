import { prepare, type Queries } from "@edvoyage/db";
import type { CommentId, PostId, UserId } from "@edvoyage/protocol";
import { isVisibleTo } from "./visibility.ts";

/** A student whom a post or comment mentions. */
export interface MentionRow {
  readonly subject_id: PostId | CommentId;
  readonly user_id: UserId;
  readonly name: string | null;
}

const insert = prepare<{ subjectId: PostId | CommentId; userId: UserId; postId: PostId; place: number }>()(
  (query, param) =>
    query.insertInto("mentions").values({
      subject_id: param.subjectId,
      user_id: param.userId,
      post_id: param.postId,
      place: param.place,
    }),
);

const removeAll = prepare<{ subjectId: PostId | CommentId }>()((query, param) =>
  query.deleteFrom("mentions").where("subject_id", "=", param.subjectId),
);

/** Finds a row if the student is visible to the author who mentions them. */
const mentionable = prepare<{ viewerId: UserId; userId: UserId }>()((query, param) =>
  query
    .selectFrom("users")
    .select("users.id")
    .where("users.id", "=", param.userId)
    .where(isVisibleTo(param.viewerId, "users.id")),
);

/** The queries of mentions. */
export const mentionQueries = { insert, removeAll, mentionable };

/** The students whom posts or comments mention and who are visible to the viewer, in the order of the mentions. */
export const mentionsIn = (
  queries: Pick<Queries, "kysely">,
  viewerId: UserId,
  subjectIds: readonly (PostId | CommentId)[],
): Promise<MentionRow[]> =>
  queries.kysely
    .selectFrom("mentions")
    .leftJoin("profiles", "profiles.user_id", "mentions.user_id")
    .select(["mentions.subject_id", "mentions.user_id", "profiles.name"])
    .where("mentions.subject_id", "in", subjectIds)
    .where(isVisibleTo(viewerId, "mentions.user_id"))
    .orderBy("mentions.subject_id")
    .orderBy("mentions.place")
    .execute();
