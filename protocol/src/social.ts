import type { CommentId, PostId, UserId } from "./ids.ts";
import type { PublicProfile } from "./profile.ts";

/** A student as shown in posts, comments and lists. */
export interface StudentName {
  readonly id: UserId;
  readonly name: string | null;
  /** An `https:` URL. */
  readonly photoUrl: string | null;
}

/** A student whom a post or comment mentions. Only the app knows where in the text the mention is. */
export interface StudentMention {
  readonly id: UserId;
  readonly name: string | null;
}

/** A post as one student sees it. */
export interface SentPost {
  readonly id: PostId;
  readonly author: StudentName;
  /** At least one of text, link and image is not `null`. */
  readonly text: string | null;
  /** An `https:` URL. */
  readonly link: string | null;
  /** An `https:` URL, or a name in the app's own image store. */
  readonly image: string | null;
  readonly mentions: readonly StudentMention[];
  readonly likeCount: number;
  /** Includes replies. */
  readonly commentCount: number;
  /** Whether the caller likes the post. */
  readonly liked: boolean;
  /** When the post reached the server; this decides its place in every list. */
  readonly createdAt: number;
  readonly editedAt: number | null;
}

/** A comment on a post, or a reply to one. */
export interface SentComment {
  readonly id: CommentId;
  readonly postId: PostId;
  /** The comment that this one replies to; `null` for a comment on the post itself. There is one level of replies. */
  readonly parentId: CommentId | null;
  readonly author: StudentName;
  readonly text: string;
  readonly mentions: readonly StudentMention[];
  readonly replyCount: number;
  /** When the comment reached the server; this decides its place in the list. */
  readonly createdAt: number;
}

/** A student's page, without the posts. */
export interface StudentPage extends PublicProfile {
  readonly postCount: number;
  readonly followerCount: number;
  readonly followingCount: number;
  /** Whether the caller follows this student. */
  readonly followed: boolean;
  /** Whether this student follows the caller. */
  readonly followsYou: boolean;
}

/** A student in a list of followers or followed students. */
export interface FollowedStudent extends StudentName {
  /** When the follow began. */
  readonly since: number;
  /** Whether the caller follows this student. */
  readonly followed: boolean;
}

/** Selects the comments on a post, or the replies to one comment. */
export interface CommentsFilter {
  readonly postId: PostId;
  /** `null` selects the comments on the post itself. */
  readonly parentId: CommentId | null;
}

/** Whether the caller likes a post now, and how many students do. */
export interface LikeReceipt {
  readonly postId: PostId;
  readonly liked: boolean;
  readonly likeCount: number;
}

/** Whether the caller follows a student now. */
export interface FollowReceipt {
  readonly userId: UserId;
  readonly followed: boolean;
}

/** The result of adding a comment. */
export interface CommentReceipt {
  readonly commentId: CommentId;
  /** The comment whose thread it joined; `null` for a comment on the post itself. */
  readonly parentId: CommentId | null;
  readonly createdAt: number;
}
