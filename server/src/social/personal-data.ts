import type { Queries, UnitOfWork } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";
import {
  BEFORE_ALL_IDS,
  collectAfter,
  eraseUntilNone,
  type ErasurePart,
  type ExportPart,
} from "../account/personal-data.ts";
import { studentDataQueries as queries } from "./personal-data.store.ts";

/** The cursor before the first position. */
const FROM_OLDEST: number = 0;

/**
 * Exports a student's part of the social area: posts, comments, likes, mentions, reports, and follows in both
 * directions.
 */
export const createSocialExport = ({ read }: { readonly read: Queries }): readonly ExportPart[] => {
  const byPosition = { before: FROM_OLDEST, keyOf: (row: { readonly position: number }) => row.position };
  const byPost = { before: BEFORE_ALL_IDS, keyOf: (row: { readonly post_id: string }) => row.post_id };
  return [
    {
      name: "posts",
      tables: ["posts"],
      read: async (userId) =>
        (
          await collectAfter(
            (after, limit) => read.all(queries.postsOf, { userId, after, limit }),
            byPosition,
          )
        ).map((row) => ({
          id: row.id,
          text: row.text,
          link: row.link,
          image: row.image,
          createdAt: row.created_at,
          editedAt: row.edited_at,
        })),
    },
    {
      name: "comments",
      tables: ["comments"],
      read: async (userId) =>
        (
          await collectAfter(
            (after, limit) => read.all(queries.commentsOf, { userId, after, limit }),
            byPosition,
          )
        ).map((row) => ({
          id: row.id,
          postId: row.post_id,
          parentId: row.parent_id,
          text: row.text,
          createdAt: row.created_at,
        })),
    },
    {
      name: "likes",
      tables: ["likes"],
      read: async (userId) =>
        (
          await collectAfter((after, limit) => read.all(queries.likesOf, { userId, after, limit }), byPost)
        ).map(({ post_id: postId, at }) => ({ postId, at })),
    },
    {
      name: "mentions",
      tables: ["mentions"],
      read: async (userId) =>
        (
          await collectAfter((after, limit) => read.all(queries.mentionsOf, { userId, after, limit }), {
            before: BEFORE_ALL_IDS,
            keyOf: (row): string => row.subject_id,
          })
        ).map(({ subject_id: subjectId, post_id: postId }) => ({ subjectId, postId })),
    },
    {
      name: "reports",
      tables: ["post_reports"],
      read: async (userId) =>
        (
          await collectAfter((after, limit) => read.all(queries.reportsOf, { userId, after, limit }), byPost)
        ).map(({ post_id: postId, ...report }) => ({ postId, ...report })),
    },
    {
      name: "follows",
      tables: ["follows"],
      read: async (userId) => ({
        following: (
          await collectAfter(
            (after, limit) => read.all(queries.followingOf, { userId, after, limit }),
            byPosition,
          )
        ).map(rowToFollow),
        followers: (
          await collectAfter(
            (after, limit) => read.all(queries.followersOf, { userId, after, limit }),
            byPosition,
          )
        ).map(rowToFollow),
      }),
    },
  ];
};

/**
 * Erases a student's part of the social area in batches. Deleting the row of the user would cascade to all of it, and
 * triggers keep the counts either way; but a post with 100,000 likes is too much for one unit of work.
 */
export const createSocialErasure = (): readonly ErasurePart[] => [
  {
    name: "follows",
    erase: async (userId, run) => {
      await eraseUntilNone(run, (tx) => tx.all(queries.eraseFollowsOf, { userId }));
      await eraseUntilNone(run, (tx) => tx.all(queries.eraseFollowsOn, { userId }));
    },
  },
  {
    name: "likes",
    erase: (userId, run) => eraseUntilNone(run, (tx) => tx.all(queries.eraseLikesOf, { userId })),
  },
  {
    name: "comments",
    erase: (userId, run) => eraseUntilNone(run, (tx) => tx.all(queries.eraseCommentsOf, { userId })),
  },
  {
    name: "posts and what others added to them",
    erase: (userId, run) => eraseUntilNone(run, (tx) => erasePostBatch(tx, userId)),
  },
];

/** Deletes a batch of likes or comments of one post, and the post itself only when none is left. */
const erasePostBatch = async (tx: UnitOfWork, userId: UserId): Promise<readonly unknown[]> => {
  const post = await tx.first(queries.anyPost, { userId });
  if (!post) return [];
  const { id: postId } = post;
  const likes = await tx.all(queries.eraseLikesOn, { postId });
  if (likes.length > 0) return likes;
  const comments = await tx.all(queries.eraseCommentsOn, { postId });
  if (comments.length > 0) return comments;
  return tx.all(queries.erasePost, { postId });
};

const rowToFollow = ({ user_id: userId, at }: { readonly user_id: UserId; readonly at: number }) => ({
  userId,
  at,
});
