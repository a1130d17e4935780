import { prepare } from "@edvoyage/db";
import type { CommentId, PostId, UserId } from "@edvoyage/protocol";
import { isVisibleTo } from "./visibility.ts";

const columns = [
  "comments.position",
  "comments.id",
  "comments.post_id",
  "comments.parent_id",
  "comments.author_id",
  "comments.text",
  "comments.has_mentions",
  "comments.created_at",
  "comments.reply_count",
  "profiles.name as author_name",
  "profiles.photo_url as author_photo_url",
] as const;

/** A comment with its author. */
export interface CommentRow {
  readonly position: number;
  readonly id: CommentId;
  readonly post_id: PostId;
  readonly parent_id: CommentId | null;
  readonly author_id: UserId;
  readonly author_name: string | null;
  readonly author_photo_url: string | null;
  readonly text: string;
  readonly has_mentions: number;
  readonly created_at: number;
  readonly reply_count: number;
}

/** The comments on the post itself, without replies. */
const onPost = prepare<{ viewerId: UserId; postId: PostId; after: number; limit: number }>()((query, param) =>
  query
    .selectFrom("comments")
    .leftJoin("profiles", "profiles.user_id", "comments.author_id")
    .select(columns)
    .where("comments.post_id", "=", param.postId)
    .where("comments.parent_id", "is", null)
    .where("comments.position", ">", param.after)
    .where(isVisibleTo(param.viewerId, "comments.author_id"))
    .orderBy("comments.position")
    .limit(param.limit),
);

const replies = prepare<{ viewerId: UserId; parentId: CommentId; after: number; limit: number }>()(
  (query, param) =>
    query
      .selectFrom("comments")
      .leftJoin("profiles", "profiles.user_id", "comments.author_id")
      .select(columns)
      .where("comments.parent_id", "=", param.parentId)
      .where("comments.position", ">", param.after)
      .where(isVisibleTo(param.viewerId, "comments.author_id"))
      .orderBy("comments.position")
      .limit(param.limit),
);

/** A comment, if its author is visible to the viewer. */
const visible = prepare<{ viewerId: UserId; commentId: CommentId }>()((query, param) =>
  query
    .selectFrom("comments")
    .leftJoin("profiles", "profiles.user_id", "comments.author_id")
    .select(columns)
    .where("comments.id", "=", param.commentId)
    .where(isVisibleTo(param.viewerId, "comments.author_id")),
);

/** The authors of a comment and of its post, also when they are not visible to the caller. */
const owners = prepare<{ commentId: CommentId }>()((query, param) =>
  query
    .selectFrom("comments")
    .innerJoin("posts", "posts.id", "comments.post_id")
    .select(["comments.author_id", "comments.post_id", "comments.created_at", "comments.parent_id"])
    .select("posts.author_id as post_author_id")
    .where("comments.id", "=", param.commentId),
);

const insert = prepare<{
  id: CommentId;
  postId: PostId;
  parentId: CommentId | null;
  authorId: UserId;
  text: string;
  hasMentions: number;
  now: number;
}>()((query, param) =>
  query
    .insertInto("comments")
    .values({
      id: param.id,
      post_id: param.postId,
      parent_id: param.parentId,
      author_id: param.authorId,
      text: param.text,
      has_mentions: param.hasMentions,
      created_at: param.now,
    })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .returning("id"),
);

const remove = prepare<{ commentId: CommentId }>()((query, param) =>
  query.deleteFrom("comments").where("id", "=", param.commentId).returning("id"),
);

/** The queries of comments. */
export const commentQueries = { onPost, replies, visible, owners, insert, remove };
