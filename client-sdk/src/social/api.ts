import type { CommentId, PostId, UserId } from "@edvoyage/protocol";
import type { ErrorReason } from "../runtime/errors.ts";
import type { Page } from "../reads/page.ts";
import type { PublicProfile } from "../profile/profile.ts";
import type { View } from "../reads/views.ts";

/** A student as posts, comments and lists name her. */
export interface StudentName {
  readonly id: UserId;
  readonly name: string | null;
  /** `https:`. */
  readonly photoUrl: string | null;
}

/** Whether something of her own is on the server. */
export interface Sending {
  /** It, or a change of it, waits in the outbox; what is shown has it already. */
  readonly isPending: boolean;
  /** Why the server does not take it: `outbox.retry` or `discard` its id. */
  readonly failure?: ErrorReason;
}

/** A post as the server has it. */
export interface SentPost {
  readonly id: PostId;
  readonly author: StudentName;
  /** At least one of text, link and image is there. */
  readonly text: string | null;
  /** `https:`. */
  readonly link: string | null;
  /** An `https:` URL, or a name in the app's own store of images. */
  readonly image: string | null;
  readonly mentions: readonly StudentMention[];
  readonly likeCount: number;
  /** Replies included. */
  readonly commentCount: number;
  /** Whether the student likes it. */
  readonly liked: boolean;
  /** The server's clock; the device's until the server has it. */
  readonly createdAt: number;
  readonly editedAt: number | null;
}

/** A student who is named in a text. */
export interface StudentMention {
  readonly id: UserId;
  readonly name: string | null;
}

/** A post as it is now, with what this device has done to it and not sent yet. */
export type Post = SentPost & Sending;

/** A comment as the server has it. */
export interface SentComment {
  readonly id: CommentId;
  readonly postId: PostId;
  /** The comment that it replies to; `null` for one on the post itself. */
  readonly parentId: CommentId | null;
  readonly author: StudentName;
  readonly text: string;
  readonly mentions: readonly StudentMention[];
  readonly replyCount: number;
  /** The server's clock; the device's until the server has it. */
  readonly createdAt: number;
}

/** A comment, likewise. */
export type Comment = SentComment & Sending;

/** What a post says. */
export interface NewPost {
  readonly text?: string | null;
  readonly link?: string | null;
  readonly image?: string | null;
  /** Students whom it names. */
  readonly mentions?: string[];
}

/** What a comment says. */
export interface NewComment {
  readonly text: string;
  /** The comment that it replies to. */
  readonly parentId?: string | null;
  readonly mentions?: string[];
}

/** What a student shows of herself in Cavity. */
export interface StudentPage extends PublicProfile {
  readonly postCount: number;
  readonly followerCount: number;
  readonly followingCount: number;
  /** Whether the student follows her. */
  readonly followed: boolean;
  readonly followsYou: boolean;
}

/** Somebody in a list of followers. */
export interface FollowedStudent extends StudentName {
  readonly since: number;
  readonly followed: boolean;
}

/**
 * Cavity. Lists are on the device, as far as they were read; what is written is kept there until it is sent, and shown at
 * once. Each returns the id of its command in the outbox; that of a post or a comment is its own.
 */
export interface Social {
  /** Own posts and those of followed students, newest first; own ones that wait at the top. */
  readonly feed: View<Page<Post>>;
  get(postId: string): View<Post>;
  /** A student's posts, newest first. */
  posts(userId: string): View<Page<Post>>;
  /** On a post, or the replies to a comment on it; oldest first. */
  comments(postId: string, parentId?: string): View<Page<Comment>>;
  getComment(commentId: string): View<Comment>;
  likes(postId: string): View<Page<StudentName>>;
  student(userId: string): View<StudentPage>;
  followers(userId: string): View<Page<FollowedStudent>>;
  following(userId: string): View<Page<FollowedStudent>>;
  /** Returns the id of the post to be. Throws `limit/reached` (postCharacters) for a longer text, as editing does. */
  post(content: NewPost): Promise<string>;
  /** What is not named stays. */
  editPost(postId: string, change: NewPost): Promise<string>;
  removePost(postId: string): Promise<string>;
  like(postId: string): Promise<string>;
  unlike(postId: string): Promise<string>;
  /** Tells the people of EdVoyage, in a line. */
  report(postId: string, report: { readonly reason: string }): Promise<string>;
  /** Returns the id of the comment to be. */
  comment(postId: string, comment: NewComment): Promise<string>;
  removeComment(commentId: string): Promise<string>;
  follow(userId: string): Promise<string>;
  unfollow(userId: string): Promise<string>;
}
