import type { CommentId, PostId, UserId } from "@edvoyage/protocol";
import type { Generated } from "kysely";

/** What students post. Read by `social`. */
export interface PostsTable {
  /** The order of arrival, which the database gives; no later post gets an earlier place. */
  position: Generated<number>;
  id: PostId;
  author_id: UserId;
  text: string | null;
  /** `https:`. */
  link: string | null;
  /** An `https:` address, or a name in the app's own store of images. */
  image: string | null;
  /** 0 or 1. */
  has_mentions: number;
  created_at: number;
  edited_at: number | null;
  /** Counts are kept by triggers: whatever adds or deletes a row, an erasure too, counts it. */
  like_count: Generated<number>;
  /** Replies included. */
  comment_count: Generated<number>;
  report_count: Generated<number>;
  /** When it was last reported. */
  reported_at: number | null;
}

/** Who likes a post. Read by `social`. */
export interface LikesTable {
  post_id: PostId;
  user_id: UserId;
  at: number;
}

/** Comments on posts, and replies to them: one level. Read by `social`. */
export interface CommentsTable {
  /** The order of arrival. */
  position: Generated<number>;
  id: CommentId;
  post_id: PostId;
  /** The comment whose thread it belongs to; `null` for one on the post itself. */
  parent_id: CommentId | null;
  author_id: UserId;
  text: string;
  /** 0 or 1. */
  has_mentions: number;
  created_at: number;
  reply_count: Generated<number>;
}

/** Whom a post or a comment names. Read by `social`. */
export interface MentionsTable {
  subject_id: PostId | CommentId;
  user_id: UserId;
  /** The post that it is, or that it is on: its end takes them along. */
  post_id: PostId;
  /** The order in which they were given. */
  place: number;
}

/** Who follows whom. Read by `social`. */
export interface FollowsTable {
  /** The order in which they began. */
  position: Generated<number>;
  follower_id: UserId;
  followee_id: UserId;
  at: number;
}

/** What students have in numbers, kept by triggers; nothing yet is no row. Read by `social`. */
export interface SocialCountsTable {
  user_id: UserId;
  posts: number;
  followers: number;
  following: number;
}

/** Why a student finds that a post should not be there. Read by `admin.posts`. */
export interface PostReportsTable {
  post_id: PostId;
  user_id: UserId;
  reason: string;
  at: number;
}
