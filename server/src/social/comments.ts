import type { Database, Queries } from "@edvoyage/db";
import type {
  CommandId,
  CommentId,
  CommentReceipt,
  CommentsFilter,
  Limits,
  PostId,
  UserId,
  SentComment,
} from "@edvoyage/protocol";
import { z } from "zod";
import type { CommandSource, Commands } from "../commands/commands.ts";
import type { NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import type { Areas } from "../inbox/areas.ts";
import type { NewNotification, Notifications } from "../notifications/notifications.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import type { StudentRateLimit } from "../limits/student-rate-limit.ts";
import { commentQueries as queries, type CommentRow } from "./comments.store.ts";
import type { StudentMention, Mentions } from "./mentions.ts";
import { lockPost, visiblePost, commandIdTaken, type PageInput } from "./posts.ts";
import { rowToStudent } from "./student-name.ts";

export type { SentComment } from "@edvoyage/protocol";

/** Comments of students on posts. */
export interface Comments {
  /**
   * Lists the comments on a post, or the replies to one comment. The oldest is first, so that new ones arrive at the end.
   * Throws `not-found`.
   */
  list(userId: UserId, input: PageInput & CommentsFilter): Promise<Page<SentComment>>;
  /** Throws `not-found` for a comment that is not visible to the caller. */
  get(userId: UserId, commentId: CommentId): Promise<SentComment>;
  /**
   * Adds a comment; its id is the command id. A reply to a reply joins the same thread. Throws `not-found`,
   * `limit/reached`, `rate/limited`.
   */
  add(
    source: CommandSource,
    input: {
      readonly postId: PostId;
      readonly parentId: CommentId | null;
      readonly text: string;
      readonly mentions: readonly UserId[];
    },
  ): Promise<CommentReceipt>;
  /** Removes a comment and its replies. Its author and the author of the post may do so. Throws `not-found`, `forbidden`. */
  remove(
    source: CommandSource,
    input: { readonly commentId: CommentId },
  ): Promise<{ readonly commentId: CommentId }>;
}

export interface CommentsDeps {
  readonly database: Pick<Database, "read">;
  readonly commands: Commands;
  readonly areas: Areas;
  readonly notifications: Notifications;
  readonly mentions: Mentions;
  readonly newId: NewId;
  readonly limits: Pick<Limits, "commentCharacters">;
  readonly rate: StudentRateLimit;
}

/** The cursor of the first page: before the oldest comment. */
const FROM_OLDEST = 0;

export const createComments = (deps: CommentsDeps): Comments => {
  const { database, commands, areas, notifications, mentions, newId, limits, rate } = deps;
  const { read } = database;

  return {
    list: async (userId, { postId, parentId, cursor, limit }) => {
      await visiblePost(read, userId, postId);
      if (parentId !== null) await visibleOnPost(read, userId, { postId, commentId: parentId });
      const list = `comments on ${parentId ?? postId}`;
      const [after] = parseCursor(cursor, list, z.tuple([z.number().int()])) ?? [FROM_OLDEST];
      const page = { viewerId: userId, after, limit: limit + 1 };
      const rows =
        parentId === null
          ? await read.all(queries.onPost, { ...page, postId })
          : await read.all(queries.replies, { ...page, parentId });
      const mentionsOf = await mentions.load(read, userId, rows);
      return toPage(rows, limit, {
        list,
        itemOf: (row) => rowToComment(row, mentionsOf(row.id)),
        positionOf: ({ position }) => [position],
      });
    },

    get: async (userId, commentId) => {
      const row = await visibleComment(read, userId, commentId);
      const mentionsOf = await mentions.load(read, userId, [row]);
      return rowToComment(row, mentionsOf(row.id));
    },

    add: (source, input) =>
      commands.execute(source, { procedure: "social.comment", input }, async (tx, now) => {
        const { userId: authorId } = source;
        const { postId, text } = input;
        if (text.length > limits.commentCharacters) {
          throw new AppError("limit/reached", "This comment is too long.", { limit: "commentCharacters" });
        }
        // Hold the lock until the commit, so that the comments of a post appear in the order of their positions.
        await lockPost(tx, postId);
        const post = await visiblePost(tx, authorId, postId);
        const commentId =
          source.commandId === null ? newId<CommentId>(now) : commandToCommentId(source.commandId);
        const existing = await tx.first(queries.owners, { commentId });
        if (existing?.author_id === authorId && existing.post_id === postId) {
          return { commentId, parentId: existing.parent_id, createdAt: existing.created_at };
        }
        const repliedTo =
          input.parentId === null
            ? undefined
            : await visibleOnPost(tx, authorId, { postId, commentId: input.parentId });
        const parentId = repliedTo ? (repliedTo.parent_id ?? repliedTo.id) : null;
        rate.take(authorId);
        const mentioned = await mentions.resolve(tx, authorId, input.mentions);
        const hasMentions = Number(mentioned.length > 0);
        if (
          !(await tx.first(queries.insert, {
            id: commentId,
            postId,
            parentId,
            authorId,
            text,
            hasMentions,
            now,
          }))
        )
          throw commandIdTaken();
        await mentions.replace(tx, { id: commentId, postId }, mentioned);
        await areas.touch(tx, authorId, { area: "social", now });

        // A mentioned student gets only the mention. Notify in a fixed order; otherwise two commands could deadlock.
        const kindByUser = new Map<UserId, NewNotification["kind"]>([[post.author_id, "commented"]]);
        if (repliedTo) kindByUser.set(repliedTo.author_id, "commented");
        for (const userId of mentioned) kindByUser.set(userId, "mentioned");
        const subject = { kind: "comment", id: commentId } as const;
        for (const userId of [...kindByUser.keys()].sort()) {
          const kind = kindByUser.get(userId) ?? "commented";
          await notifications.add(tx, { userId, kind, actorId: authorId, subject }, now);
        }
        return { commentId, parentId, createdAt: now };
      }),

    remove: (source, input) =>
      commands.execute(source, { procedure: "social.removeComment", input }, async (tx, now) => {
        const { userId } = source;
        const { commentId } = input;
        const found = await tx.first(queries.owners, { commentId });
        if (!found) throw noSuchComment();
        await lockPost(tx, found.post_id);
        if (found.author_id !== userId && found.post_author_id !== userId) {
          await visibleComment(tx, userId, commentId);
          throw new AppError("forbidden", "This comment is somebody else's.");
        }
        // Another command may have removed it while this one waited for the lock.
        if (!(await tx.first(queries.remove, { commentId }))) throw noSuchComment();
        for (const changedUserId of new Set([userId, found.author_id].sort())) {
          await areas.touch(tx, changedUserId, { area: "social", now });
        }
        await notifications.forget(tx, { kind: "comment", id: commentId });
        return { commentId };
      }),
  };
};

/** Returns the comment; throws `not-found` unless it, its thread and its post are visible to the student. */
const visibleComment = async (
  from: Pick<Queries, "first">,
  viewerId: UserId,
  commentId: CommentId,
): Promise<CommentRow> => {
  const row = await from.first(queries.visible, { viewerId, commentId });
  if (!row) throw noSuchComment();
  await visiblePost(from, viewerId, row.post_id);
  if (row.parent_id && !(await from.first(queries.visible, { viewerId, commentId: row.parent_id }))) {
    throw noSuchComment();
  }
  return row;
};

const visibleOnPost = async (
  from: Pick<Queries, "first">,
  viewerId: UserId,
  { postId, commentId }: { readonly postId: PostId; readonly commentId: CommentId },
): Promise<CommentRow> => {
  const row = await visibleComment(from, viewerId, commentId);
  if (row.post_id !== postId) throw noSuchComment();
  return row;
};

const noSuchComment = () => new AppError("not-found", "There is no such comment.");

const commandToCommentId = (commandId: CommandId): CommentId => commandId as string as CommentId;

const rowToComment = (row: CommentRow, mentions: readonly StudentMention[]): SentComment => ({
  id: row.id,
  postId: row.post_id,
  parentId: row.parent_id,
  author: rowToStudent({ id: row.author_id, name: row.author_name, photo_url: row.author_photo_url }),
  text: row.text,
  mentions,
  replyCount: row.reply_count,
  createdAt: row.created_at,
});
