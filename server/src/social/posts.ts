import type { Database, Queries, UnitOfWork } from "@edvoyage/db";
import type { CommandId, LikeReceipt, Limits, PostId, UserId, SentPost } from "@edvoyage/protocol";
import { z } from "zod";
import type { CommandSource, Commands } from "../commands/commands.ts";
import type { NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import type { Areas } from "../inbox/areas.ts";
import type { Notifications } from "../notifications/notifications.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import type { StudentRateLimit } from "../limits/student-rate-limit.ts";
import type { StudentMention, Mentions } from "./mentions.ts";
import { postQueries as queries, type PostRow } from "./posts.store.ts";
import { rowToStudent, type StudentName } from "./student-name.ts";

export type { SentPost } from "@edvoyage/protocol";

/** The content of a new post. */
export interface PostContent {
  readonly text: string | null;
  readonly link: string | null;
  readonly image: string | null;
  readonly mentions: readonly UserId[];
}

/** A change to a post: an absent field stays as it is, `null` removes its content. */
export type PostChange = { readonly postId: PostId } & {
  readonly [Field in keyof PostContent]?: PostContent[Field] | undefined;
};

/** A request for one page of a list. */
export interface PageInput {
  readonly cursor?: string | null | undefined;
  readonly limit: number;
}

/** Posts of students, and likes. */
export interface Posts {
  /** Lists the student's own posts and those of the students whom they follow, newest first. */
  feed(userId: UserId, page: PageInput): Promise<Page<SentPost>>;
  /** Throws `not-found` for a post that is not visible to the caller. */
  get(userId: UserId, postId: PostId): Promise<SentPost>;
  /** Lists an author's posts, newest first. The caller must have checked that the author is visible to the viewer. */
  byAuthor(viewerId: UserId, authorId: UserId, page: PageInput): Promise<Page<SentPost>>;
  /** Adds a post; its id is the command id. Throws `limit/reached`, `rate/limited`. */
  post(
    source: CommandSource,
    input: PostContent,
  ): Promise<{ readonly postId: PostId; readonly createdAt: number }>;
  /** Edits a post; the last of two edits wins. Throws `not-found`, `forbidden`, `limit/reached`, `rate/limited`. */
  edit(
    source: CommandSource,
    input: PostChange,
  ): Promise<{ readonly postId: PostId; readonly editedAt: number }>;
  /** Removes a post with its likes, comments and reports. Throws `not-found`, `forbidden`. */
  remove(source: CommandSource, input: { readonly postId: PostId }): Promise<{ readonly postId: PostId }>;
  /**
   * Likes a post; idempotent. `like` and `unlike` return the current state, also when the command is repeated. For a post
   * that is gone or no longer visible they return `liked: false` and no likes. Throw `not-found`, `rate/limited`.
   */
  like(source: CommandSource, input: { readonly postId: PostId }): Promise<LikeReceipt>;
  unlike(source: CommandSource, input: { readonly postId: PostId }): Promise<LikeReceipt>;
  /** Lists the students who like a post, in the order of their ids. Throws `not-found`. */
  likers(userId: UserId, input: PageInput & { readonly postId: PostId }): Promise<Page<StudentName>>;
}

export interface PostsDeps {
  readonly database: Pick<Database, "dialect" | "read">;
  readonly commands: Commands;
  readonly areas: Areas;
  readonly notifications: Notifications;
  readonly mentions: Mentions;
  readonly newId: NewId;
  readonly limits: Pick<Limits, "postCharacters">;
  readonly postRate: StudentRateLimit;
  readonly reactionRate: StudentRateLimit;
}

/** The cursor of the first page: before the newest post. */
const FROM_NEWEST = Number.MAX_SAFE_INTEGER;
const cursorShape = z.tuple([z.number().int()]);

export const createPosts = (deps: PostsDeps): Posts => {
  const { database, commands, areas, notifications, mentions, newId, limits, postRate, reactionRate } = deps;
  const { read } = database;

  const rowsToPage = async (
    rows: readonly PostRow[],
    { list, viewerId, limit }: { readonly list: string; readonly viewerId: UserId; readonly limit: number },
  ): Promise<Page<SentPost>> => {
    const mentionsOf = await mentions.load(read, viewerId, rows);
    return toPage(rows, limit, {
      list,
      itemOf: (row) => rowToPost(row, mentionsOf(row.id)),
      positionOf: ({ position }) => [position],
    });
  };

  const assertContent = ({ text, link, image }: Omit<PostContent, "mentions">): void => {
    if (text === null && link === null && image === null) {
      throw new AppError("input/invalid", "A post needs a text, a link or an image.", {
        issues: [{ path: "text", message: "The post is empty" }],
      });
    }
    if (text !== null && text.length > limits.postCharacters) {
      throw new AppError("limit/reached", "This post is too long.", { limit: "postCharacters" });
    }
  };

  const notifyMentioned = async (
    tx: UnitOfWork,
    { postId, authorId, now }: { readonly postId: PostId; readonly authorId: UserId; readonly now: number },
    mentioned: readonly UserId[],
  ): Promise<void> => {
    // A fixed order; otherwise two posts that mention the same students could deadlock.
    for (const userId of mentioned.toSorted()) {
      const subject = { kind: "post", id: postId } as const;
      await notifications.add(tx, { userId, kind: "mentioned", actorId: authorId, subject }, now);
    }
  };

  const currentLike = async (viewerId: UserId, postId: PostId): Promise<LikeReceipt> => {
    const row = await read.first(queries.visible, { viewerId, postId });
    return { postId, liked: row ? row.liked_by !== null : false, likeCount: row?.like_count ?? 0 };
  };

  /** Locks and returns the student's own post; throws `forbidden` for somebody else's. */
  const ownPost = async (tx: UnitOfWork, userId: UserId, postId: PostId): Promise<PostRow> => {
    await lockPost(tx, postId);
    const row = await visiblePost(tx, userId, postId);
    if (row.author_id !== userId) throw new AppError("forbidden", "This post is somebody else's.");
    return row;
  };

  return {
    feed: async (userId, { cursor, limit }) => {
      const [before] = parseCursor(cursor, "feed", cursorShape) ?? [FROM_NEWEST];
      const rows = await read.all(queries.feed[database.dialect], { userId, before, limit: limit + 1 });
      return rowsToPage(rows, { list: "feed", viewerId: userId, limit });
    },

    get: async (userId, postId) => {
      const row = await visiblePost(read, userId, postId);
      const mentionsOf = await mentions.load(read, userId, [row]);
      return rowToPost(row, mentionsOf(row.id));
    },

    byAuthor: async (viewerId, authorId, { cursor, limit }) => {
      const list = `posts of ${authorId}`;
      const [before] = parseCursor(cursor, list, cursorShape) ?? [FROM_NEWEST];
      const rows = await read.all(queries.byAuthor, { viewerId, authorId, before, limit: limit + 1 });
      return rowsToPage(rows, { list, viewerId, limit });
    },

    post: (source, input) =>
      commands.execute(source, { procedure: "social.post", input }, async (tx, now) => {
        const { userId: authorId } = source;
        assertContent(input);
        const postId = source.commandId === null ? newId<PostId>(now) : commandToPostId(source.commandId);
        const existing = await tx.first(queries.existing, { postId });
        if (existing?.author_id === authorId) return { postId, createdAt: existing.created_at };
        postRate.take(authorId);
        const mentioned = await mentions.resolve(tx, authorId, input.mentions);
        await areas.touch(tx, authorId, { area: "social", now });
        await notifyMentioned(tx, { postId, authorId, now }, mentioned);
        // Hold the lock until the commit, so that positions become visible in order: a reader who is past a position must
        // not miss a lower one that appears later. Take it last, because every new post waits for it.
        await tx.lock("social:order");
        const { text, link, image } = input;
        const row = {
          id: postId,
          authorId,
          text,
          link,
          image,
          hasMentions: Number(mentioned.length > 0),
          now,
        };
        if (!(await tx.first(queries.insert, row))) throw commandIdTaken();
        await mentions.replace(tx, { id: postId, postId }, mentioned);
        return { postId, createdAt: now };
      }),

    edit: (source, input) =>
      commands.execute(source, { procedure: "social.editPost", input }, async (tx, now) => {
        const { userId: authorId } = source;
        const { postId, mentions: newMentions, ...changed } = input;
        const row = await ownPost(tx, authorId, postId);
        const content = {
          text: changed.text === undefined ? row.text : changed.text,
          link: changed.link === undefined ? row.link : changed.link,
          image: changed.image === undefined ? row.image : changed.image,
        };
        assertContent(content);
        postRate.take(authorId);
        await areas.touch(tx, authorId, { area: "social", now });
        let hasMentions = row.has_mentions;
        if (newMentions) {
          const mentioned = await mentions.resolve(tx, authorId, newMentions);
          await mentions.replace(tx, { id: postId, postId }, mentioned);
          await notifyMentioned(tx, { postId, authorId, now }, mentioned);
          hasMentions = Number(mentioned.length > 0);
        }
        await tx.all(queries.update, { postId, ...content, hasMentions, now });
        return { postId, editedAt: now };
      }),

    remove: (source, input) =>
      commands.execute(source, { procedure: "social.removePost", input }, async (tx, now) => {
        const { postId } = input;
        await ownPost(tx, source.userId, postId);
        await tx.all(queries.remove, { postId });
        await notifications.forget(tx, { kind: "post", id: postId });
        await areas.touch(tx, source.userId, { area: "social", now });
        return { postId };
      }),

    like: async (source, input) => {
      const { userId } = source;
      const { postId } = input;
      await commands.execute(source, { procedure: "social.like", input }, async (tx, now) => {
        await lockPost(tx, postId);
        const row = await visiblePost(tx, userId, postId);
        if (row.liked_by) return {};
        reactionRate.take(userId);
        await tx.all(queries.like, { postId, userId, now });
        await areas.touch(tx, userId, { area: "social", now });
        const subject = { kind: "post", id: postId } as const;
        await notifications.add(tx, { userId: row.author_id, kind: "liked", actorId: userId, subject }, now);
        return {};
      });
      return currentLike(userId, postId);
    },

    unlike: async (source, input) => {
      const { userId } = source;
      const { postId } = input;
      await commands.execute(source, { procedure: "social.unlike", input }, async (tx, now) => {
        await lockPost(tx, postId);
        const row = await visiblePost(tx, userId, postId);
        if (!row.liked_by) return {};
        reactionRate.take(userId);
        await tx.all(queries.unlike, { postId, userId });
        await areas.touch(tx, userId, { area: "social", now });
        const subject = { kind: "post", id: postId } as const;
        await notifications.takeBack(
          tx,
          { userId: row.author_id, kind: "liked", actorId: userId, subject },
          now,
        );
        return {};
      });
      return currentLike(userId, postId);
    },

    likers: async (userId, { postId, cursor, limit }) => {
      await visiblePost(read, userId, postId);
      const list = `likes of ${postId}`;
      const [after] = parseCursor(cursor, list, z.tuple([z.string()])) ?? [""];
      const rows = await read.all(queries.likers, {
        viewerId: userId,
        postId,
        after: toUserId(after),
        limit: limit + 1,
      });
      return toPage(rows, limit, { list, itemOf: rowToStudent, positionOf: ({ id }) => [id] });
    },
  };
};

/** Serializes commands that change a post, its comments or its likes. */
export const lockPost = (tx: UnitOfWork, postId: PostId): Promise<void> => tx.lock(`post:${postId}`);

/** Returns a post; throws `not-found` for one that is not visible to the student, whether or not it exists. */
export const visiblePost = async (
  from: Pick<Queries, "first">,
  viewerId: UserId,
  postId: PostId,
): Promise<PostRow> => {
  const row = await from.first(queries.visible, { viewerId, postId });
  if (!row) throw new AppError("not-found", "There is no such post.");
  return row;
};

/** The error for a command id that is already the id of another post or comment. */
export const commandIdTaken = () =>
  new AppError("input/invalid", "This command id belongs to something else.", {
    issues: [{ path: "commandId", message: "Already used for something else" }],
  });

const commandToPostId = (commandId: CommandId): PostId => commandId as string as PostId;
const toUserId = (text: string): UserId => text as UserId;

const rowToPost = (row: PostRow, mentions: readonly StudentMention[]): SentPost => ({
  id: row.id,
  author: rowToStudent({ id: row.author_id, name: row.author_name, photo_url: row.author_photo_url }),
  text: row.text,
  link: row.link,
  image: row.image,
  mentions,
  likeCount: row.like_count,
  commentCount: row.comment_count,
  liked: row.liked_by !== null,
  createdAt: row.created_at,
  editedAt: row.edited_at,
});
