import type { CommentId, PostId, UserId } from "@edvoyage/protocol";
import type { Generated } from "kysely";

/** Posts of students. Read by `social`. */
export interface PostsTable {
  /** The order of arrival, set by the database; a later post never gets a lower position. */
  position: Generated<number>;
  id: PostId;
  author_id: UserId;
  text: string | null;
  /** An `https:` URL. */
  link: string | null;
  /** An `https:` URL, or a name in the app's own image store. */
  image: string | null;
  /** 0 or 1. */
  has_mentions: number;
  created_at: number;
  edited_at: number | null;
  /** Triggers keep the counts, so that every insertion and deletion counts, also during an erasure. */
  like_count: Generated<number>;
  /** Includes replies. */
  comment_count: Generated<number>;
  report_count: Generated<number>;
  /** When it was last reported. */
  reported_at: number | null;
}

/** Likes of posts. Read by `social`. */
export interface LikesTable {
  post_id: PostId;
  user_id: UserId;
  at: number;
}

/** Comments on posts, and one level of replies. Read by `social`. */
export interface CommentsTable {
  /** The order of arrival. */
  position: Generated<number>;
  id: CommentId;
  post_id: PostId;
  /** The comment whose thread it belongs to; `null` for a comment on the post itself. */
  parent_id: CommentId | null;
  author_id: UserId;
  text: string;
  /** 0 or 1. */
  has_mentions: number;
  created_at: number;
  reply_count: Generated<number>;
}

/** Mentions of students in posts and comments. Read by `social`. */
export interface MentionsTable {
  subject_id: PostId | CommentId;
  user_id: UserId;
  /** The post itself, or the post of the comment. Deleting the post deletes its mentions. */
  post_id: PostId;
  /** The order of the mentions. */
  place: number;
}

/** Follows between students. Read by `social`. */
export interface FollowsTable {
  /** The order in which the follows began. */
  position: Generated<number>;
  follower_id: UserId;
  followee_id: UserId;
  at: number;
}

/** Counts for each student, kept by triggers. Default without a row: 0. Read by `social`. */
export interface SocialCountsTable {
  user_id: UserId;
  posts: number;
  followers: number;
  following: number;
}

/** Reports of posts, with the reason. Read by `admin.posts`. */
export interface PostReportsTable {
  post_id: PostId;
  user_id: UserId;
  reason: string;
  at: number;
}
