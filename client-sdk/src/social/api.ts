import type { ErrorReason } from "../runtime/errors.ts";
import type { NewPost } from "../rpc/queued-inputs.ts";
import type { Write } from "../outbox/write.ts";
import type { View } from "../reads/views.ts";
import type {
  FollowedStudent,
  Page,
  SentComment,
  SentPost,
  StudentName,
  StudentPage,
} from "@edvoyage/protocol";

/** The sending state of the student's own post or comment. */
export interface Sending {
  /** The item or a change to it waits in the outbox. The fields already include it. */
  readonly isPending: boolean;
  /** The reason why the server rejected it: call `outbox.retry` or `outbox.discard` with its id. */
  readonly failure?: ErrorReason;
}

/** A post in its present state, including changes that this device has made and not sent yet. */
export type Post = SentPost & Sending;

/** A comment in its present state, including changes that this device has made and not sent yet. */
export type Comment = SentComment & Sending;

/** The content of a comment. */
export interface NewComment {
  readonly text: string;
  /** The comment that it replies to. */
  readonly parentId?: string | null;
  readonly mentions?: string[];
}

/**
 * The social area, Cavity. Lists that were read stay on the device. Changes are stored there until they are sent, and are visible
 * immediately. For a post or a comment, the id of the write is also the item's id.
 */
export interface Social {
  /** Own posts and posts of followed students, newest first; own posts that wait come first. */
  readonly feed: View<Page<Post>>;
  /** Returns a view of one post. */
  get(postId: string): View<Post>;
  /** A student's posts, newest first. */
  posts(userId: string): View<Page<Post>>;
  /** Comments on a post, or the replies to a comment; oldest first. */
  comments(postId: string, parentId?: string): View<Page<Comment>>;
  /** Returns a view of one comment. */
  getComment(commentId: string): View<Comment>;
  /** Returns the students who like a post. */
  likes(postId: string): View<Page<StudentName>>;
  /** Returns a student's page: name, counts, and whether the reader follows them. */
  student(userId: string): View<StudentPage>;
  /** Returns the students who follow a student. */
  followers(userId: string): View<Page<FollowedStudent>>;
  /** Returns the students whom a student follows. */
  following(userId: string): View<Page<FollowedStudent>>;
  /**
   * Publishes a post. Throws `limit/reached` (postCharacters) if the text is too long, and `input/invalid` with
   * `details.issues` for what the server would reject, such as an empty post. `editPost`, `report` and `comment` do, too.
   */
  post(content: NewPost): Promise<Write>;
  /** Changes the given fields; all others stay as they are. */
  editPost(postId: string, change: NewPost): Promise<Write>;
  /** Removes an own post with its likes and comments. */
  removePost(postId: string): Promise<Write>;
  /** Likes a post. Liking it again changes nothing. */
  like(postId: string): Promise<Write>;
  /** Takes a like back. */
  unlike(postId: string): Promise<Write>;
  /** Reports a post to the staff of EdVoyage, with a reason of one line. */
  report(postId: string, report: { readonly reason: string }): Promise<Write>;
  /** Writes a comment or a reply. */
  comment(postId: string, comment: NewComment): Promise<Write>;
  /** Removes an own comment, or any comment on an own post, with its replies. */
  removeComment(commentId: string): Promise<Write>;
  /** Follows a student. Following again changes nothing. */
  follow(userId: string): Promise<Write>;
  /** Stops following a student. */
  unfollow(userId: string): Promise<Write>;
}
