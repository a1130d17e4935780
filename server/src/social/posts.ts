import type { Database, Queries, UnitOfWork } from "@edvoyage/db";
import type { CommandId, Limits, PostId, UserId } from "@edvoyage/protocol";
import { z } from "zod";
import type { CommandSource, Commands } from "../commands/commands.ts";
import type { NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import type { Areas } from "../inbox/areas.ts";
import type { Notifications } from "../notifications/notifications.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import type { StudentRateLimit } from "../limits/student-rate-limit.ts";
import type { Mention, Mentions } from "./mentions.ts";
import { postQueries as queries, type PostRow } from "./posts.store.ts";
import { rowToStudent, type StudentName } from "./student-name.ts";

/** A post as one student sees it. */
export interface Post {
  readonly id: PostId;
  readonly author: StudentName;
  /** At least one of text, link and image is there. */
  readonly text: string | null;
  /** `https:`. */
  readonly link: string | null;
  /** An `https:` URL, or a name in the app's own store of images. */
  readonly image: string | null;
  readonly mentions: readonly Mention[];
  readonly likeCount: number;
  /** Replies included. */
  readonly commentCount: number;
  /** Whether the one who asks likes it. */
  readonly liked: boolean;
  /** When it reached the server, which is its place in every list. */
  readonly createdAt: number;
  readonly editedAt: number | null;
}

/** What a post is to say. */
export interface PostContent {
  readonly text: string | null;
  readonly link: string | null;
  readonly image: string | null;
  readonly mentions: readonly UserId[];
}

/** What of a post is to change; what is not named stays, `null` takes away. */
export type PostChange = { readonly postId: PostId } & {
  readonly [Part in keyof PostContent]?: PostContent[Part] | undefined;
};

/** A page that is asked for. */
export interface PageInput {
  readonly cursor?: string | null | undefined;
  readonly limit: number;
}

/** What students post, and that they like it. */
export interface Posts {
  /** One's own posts and those of the students whom one follows, newest first. */
  feed(userId: UserId, page: PageInput): Promise<Page<Post>>;
  /** Throws `not-found` for what is not shown to the one who asks. */
  get(userId: UserId, postId: PostId): Promise<Post>;
  /** Newest first; of one who is shown, which is for the caller to know. */
  byAuthor(viewerId: UserId, authorId: UserId, page: PageInput): Promise<Page<Post>>;
  /** The id of the post is that of the command. Throws `limit/reached`, `rate/limited`. */
  post(
    asking: CommandSource,
    input: PostContent,
  ): Promise<{ readonly postId: PostId; readonly createdAt: number }>;
  /** The last of two edits wins. Throws `not-found`, `forbidden`, `limit/reached`, `rate/limited`. */
  edit(
    asking: CommandSource,
    input: PostChange,
  ): Promise<{ readonly postId: PostId; readonly editedAt: number }>;
  /** Takes likes, comments and reports with it. Throws `not-found`, `forbidden`. */
  remove(asking: CommandSource, input: { readonly postId: PostId }): Promise<{ readonly postId: PostId }>;
  /**
   * Liking twice is liking once. `like` and `unlike` answer with what holds now, also when the command is repeated: for a post
   * that is gone or not shown any more, not liked by anyone. Throw `not-found`, `rate/limited`.
   */
  like(asking: CommandSource, input: { readonly postId: PostId }): Promise<LikeReceipt>;
  unlike(asking: CommandSource, input: { readonly postId: PostId }): Promise<LikeReceipt>;
  /** Who likes a post, in the order of their ids. Throws `not-found`. */
  likers(userId: UserId, input: PageInput & { readonly postId: PostId }): Promise<Page<StudentName>>;
}

/** Whether the one who asks likes a post now, and how many do. */
export interface LikeReceipt {
  readonly postId: PostId;
  readonly liked: boolean;
  readonly likeCount: number;
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

/** Before the newest. */
const FROM_NEWEST = Number.MAX_SAFE_INTEGER;
const cursorShape = z.tuple([z.number().int()]);

export const createPosts = (deps: PostsDeps): Posts => {
  const { database, commands, areas, notifications, mentions, newId, limits, postRate, reactionRate } = deps;
  const { read } = database;

  const rowsToPage = async (
    rows: readonly PostRow[],
    { list, viewerId, limit }: { readonly list: string; readonly viewerId: UserId; readonly limit: number },
  ): Promise<Page<Post>> => {
    const mentionsOf = await mentions.of(read, viewerId, rows);
    return toPage(rows, limit, {
      list,
      itemOf: (row) => rowToPost(row, mentionsOf(row.id)),
      positionOf: ({ position }) => [position],
    });
  };

  const assertContent = ({ text, link, image }: Omit<PostContent, "mentions">): void => {
    if (text === null && link === null && image === null) {
      throw new AppError("input/invalid", "A post has a text, a link or an image.", {
        issues: [{ path: "text", message: "Nothing is posted" }],
      });
    }
    if (text !== null && text.length > limits.postCharacters) {
      throw new AppError("limit/reached", "This post is too long.", { limit: "postCharacters" });
    }
  };

  const tellMentioned = async (
    tx: UnitOfWork,
    { postId, authorId, now }: { readonly postId: PostId; readonly authorId: UserId; readonly now: number },
    mentioned: readonly UserId[],
  ): Promise<void> => {
    // In one order, or two who mention the same students could wait for each other.
    for (const userId of mentioned.toSorted()) {
      const subject = { kind: "post", id: postId } as const;
      await notifications.add(tx, { userId, kind: "mentioned", actorId: authorId, subject }, now);
    }
  };

  const likeOf = async (viewerId: UserId, postId: PostId): Promise<LikeReceipt> => {
    const row = await read.first(queries.shown, { viewerId, postId });
    return { postId, liked: row ? row.liked_by !== null : false, likeCount: row?.like_count ?? 0 };
  };

  /** The student's own post. */
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
      const mentionsOf = await mentions.of(read, userId, [row]);
      return rowToPost(row, mentionsOf(row.id));
    },

    byAuthor: async (viewerId, authorId, { cursor, limit }) => {
      const list = `posts of ${authorId}`;
      const [before] = parseCursor(cursor, list, cursorShape) ?? [FROM_NEWEST];
      const rows = await read.all(queries.byAuthor, { viewerId, authorId, before, limit: limit + 1 });
      return rowsToPage(rows, { list, viewerId, limit });
    },

    post: (asking, input) =>
      commands.execute(asking, { procedure: "social.post", input }, async (tx, now) => {
        const { userId: authorId } = asking;
        assertContent(input);
        const postId = asking.commandId === null ? newId<PostId>(now) : commandToPostId(asking.commandId);
        const known = await tx.first(queries.known, { postId });
        if (known?.author_id === authorId) return { postId, createdAt: known.created_at };
        postRate.take(authorId);
        const mentioned = await mentions.resolve(tx, authorId, input.mentions);
        await areas.touch(tx, authorId, { area: "social", now });
        await tellMentioned(tx, { postId, authorId, now }, mentioned);
        // Held until the commit, so that places appear in their order: nobody who has read on past a place meets a
        // lower one later. Last, because all who post wait for it.
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
        if (!(await tx.first(queries.insert, row))) throw takenId();
        await mentions.replace(tx, { id: postId, postId }, mentioned);
        return { postId, createdAt: now };
      }),

    edit: (asking, input) =>
      commands.execute(asking, { procedure: "social.editPost", input }, async (tx, now) => {
        const { userId: authorId } = asking;
        const { postId, mentions: named, ...changed } = input;
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
        if (named) {
          const mentioned = await mentions.resolve(tx, authorId, named);
          await mentions.replace(tx, { id: postId, postId }, mentioned);
          await tellMentioned(tx, { postId, authorId, now }, mentioned);
          hasMentions = Number(mentioned.length > 0);
        }
        await tx.all(queries.update, { postId, ...content, hasMentions, now });
        return { postId, editedAt: now };
      }),

    remove: (asking, input) =>
      commands.execute(asking, { procedure: "social.removePost", input }, async (tx, now) => {
        const { postId } = input;
        await ownPost(tx, asking.userId, postId);
        await tx.all(queries.remove, { postId });
        await notifications.forget(tx, { kind: "post", id: postId });
        await areas.touch(tx, asking.userId, { area: "social", now });
        return { postId };
      }),

    like: async (asking, input) => {
      const { userId } = asking;
      const { postId } = input;
      await commands.execute(asking, { procedure: "social.like", input }, async (tx, now) => {
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
      return likeOf(userId, postId);
    },

    unlike: async (asking, input) => {
      const { userId } = asking;
      const { postId } = input;
      await commands.execute(asking, { procedure: "social.unlike", input }, async (tx, now) => {
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
      return likeOf(userId, postId);
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

/** Whoever changes what hangs on a post waits for others who do, its removal among them. */
export const lockPost = (tx: UnitOfWork, postId: PostId): Promise<void> => tx.lock(`post:${postId}`);

/** Throws `not-found` for a post that is not shown to the student, whether or not there is one. */
export const visiblePost = async (
  from: Pick<Queries, "first">,
  viewerId: UserId,
  postId: PostId,
): Promise<PostRow> => {
  const row = await from.first(queries.shown, { viewerId, postId });
  if (!row) throw new AppError("not-found", "There is no such post.");
  return row;
};

/** An id that somebody else's post or comment has. */
export const takenId = () =>
  new AppError("input/invalid", "This command id belongs to something else.", {
    issues: [{ path: "commandId", message: "Already used for something else" }],
  });

const commandToPostId = (commandId: CommandId): PostId => commandId as string as PostId;
const toUserId = (text: string): UserId => text as UserId;

const rowToPost = (row: PostRow, mentions: readonly Mention[]): Post => ({
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
