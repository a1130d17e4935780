import type { CommentId, Page, PostId, SentComment, SentPost, StudentName } from "@edvoyage/protocol";
import { withItem, withoutItem } from "../reads/changed-values.ts";
import type { ErrorReason } from "../runtime/errors.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { OwnChange, Projections } from "../reads/query.ts";

/** Computes posts, comments and follows as they will be once the server has the pending commands. */
export const socialProjections: Projections = {
  "social.feed": (feed, change) => withPosts(feed, change),
  "social.studentPosts": (posts, change, { userId }) =>
    userId === change.userId || change.entry.procedure !== "social.post" ? withPosts(posts, change) : posts,
  "social.get": (post, { entry }) => post && afterEntry(post, entry),
  "social.comments": (comments, change, { postId, parentId }) => {
    const { entry, answer, userId } = change;
    if (entry.procedure === "social.removeComment" && entry.state === "pending") {
      return withoutItem(comments, entry.input.commentId);
    }
    if (entry.procedure !== "social.comment" || entry.input.postId !== postId) return comments;
    if (entry.input.parentId !== parentId) {
      return entry.state === "pending" ? withItem(comments, entry.input.parentId ?? "", replied) : comments;
    }
    // The server lists it after the comments read so far: a later page contains it.
    if (answer && comments?.nextCursor) return comments;
    const comment = commentOf(entry, { answer, author: nameIn(comments?.items, userId) });
    return withNew(comments, comment, "last");
  },
  "social.getComment": (comment, { entry, answer, userId }, { commentId }) => {
    if (entry.procedure !== "social.comment") return comment;
    if (!comment && entry.id === (commentId as string)) {
      return commentOf(entry, { answer, author: nameIn(undefined, userId) });
    }
    return comment && entry.state === "pending" && entry.input.parentId === commentId
      ? replied(comment)
      : comment;
  },
  "social.student": (page, { entry }) => {
    const isFollow = entry.procedure === "social.follow";
    if (!page || (!isFollow && entry.procedure !== "social.unfollow") || entry.state !== "pending")
      return page;
    if (entry.input.userId !== page.id || page.followed === isFollow) return page;
    return { ...page, followed: isFollow, followerCount: page.followerCount + (isFollow ? 1 : -1) };
  },
  "social.followers": (list, change) => withFollow(list, change),
  "social.following": (list, change) => withFollow(list, change),
};

const withFollow = <List extends Page<StudentName & { readonly followed: boolean }>>(
  list: List | undefined,
  { entry }: OwnChange,
): List | undefined => {
  const isFollow = entry.procedure === "social.follow";
  if ((!isFollow && entry.procedure !== "social.unfollow") || entry.state !== "pending") return list;
  return withItem(list, entry.input.userId, (student) =>
    student.followed === isFollow ? student : { ...student, followed: isFollow },
  );
};

const withPosts = (
  list: Page<SentPost> | undefined,
  { entry, answer, userId }: OwnChange,
): Page<SentPost> | undefined => {
  if (entry.procedure === "social.post") {
    const { mentions: _, ...content } = entry.input;
    const post: SentPost = {
      text: null,
      link: null,
      image: null,
      ...content,
      ...failureOf(entry),
      id: entry.id as string as PostId,
      author: nameIn(list?.items, userId),
      mentions: [],
      likeCount: 0,
      commentCount: 0,
      liked: false,
      createdAt: atOf(entry, answer),
      editedAt: null,
    };
    return withNew(list, post, "first");
  }
  if (entry.procedure === "social.removePost" && entry.state === "pending") {
    return withoutItem(list, entry.input.postId);
  }
  return "postId" in entry.input
    ? withItem(list, entry.input.postId, (post) => afterEntry(post, entry))
    : list;
};

const afterEntry = (post: SentPost, entry: OutboxEntry): SentPost => {
  if (entry.state !== "pending" || !("postId" in entry.input) || entry.input.postId !== post.id) return post;
  switch (entry.procedure) {
    case "social.editPost": {
      const { postId: _, mentions: _names, ...content } = entry.input;
      return { ...post, ...content, editedAt: entry.createdAt };
    }
    case "social.like":
      return post.liked ? post : { ...post, liked: true, likeCount: post.likeCount + 1 };
    case "social.unlike":
      return post.liked ? { ...post, liked: false, likeCount: post.likeCount - 1 } : post;
    case "social.comment":
      return { ...post, commentCount: post.commentCount + 1 };
    default:
      return post;
  }
};

const commentOf = (
  entry: OutboxEntry<"social.comment">,
  { answer, author }: { readonly answer: unknown; readonly author: StudentName },
): SentComment => ({
  ...failureOf(entry),
  id: entry.id as string as CommentId,
  postId: entry.input.postId,
  parentId: entry.input.parentId as CommentId | null,
  author,
  text: entry.input.text,
  mentions: [],
  replyCount: 0,
  createdAt: atOf(entry, answer),
});

const replied = (comment: SentComment): SentComment => ({ ...comment, replyCount: comment.replyCount + 1 });

/** Adds an item that the student wrote, unless the list already contains it. */
const withNew = <Item extends { readonly id: string }>(
  list: Page<Item> | undefined,
  item: Item,
  place: "first" | "last",
): Page<Item> => {
  const { items, nextCursor }: Page<Item> = list ?? { items: [], nextCursor: null };
  if (list && items.some(({ id }) => id === item.id)) return list;
  return { ...list, nextCursor, items: place === "first" ? [item, ...items] : [...items, item] };
};

/** Returns the student's own name as the list has it: no other source knows it here. */
const nameIn = (
  items: readonly { readonly author: StudentName }[] | undefined,
  userId: StudentName["id"],
): StudentName =>
  items?.find(({ author }) => author.id === userId)?.author ?? { id: userId, name: null, photoUrl: null };

const failureOf = (entry: OutboxEntry): { readonly failure?: ErrorReason } =>
  entry.state === "failed" ? { failure: entry.reason } : {};

/** Returns when the server got the command; before that, when this device created it. */
const atOf = ({ createdAt }: OutboxEntry, answer: unknown): number =>
  (answer as { readonly createdAt: number } | undefined)?.createdAt ?? createdAt;
