import type { Database } from "@edvoyage/db";
import type { PostId, UserId } from "@edvoyage/protocol";
import { z } from "zod";
import type { Audit } from "../audit/audit.ts";
import type { Clock } from "../platform/clock.ts";
import type { CommandSource, Commands } from "../commands/commands.ts";
import { AppError } from "../platform/errors.ts";
import type { Areas } from "../inbox/areas.ts";
import type { Notifications } from "../notifications/notifications.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import type { StudentRateLimit } from "../limits/student-rate-limit.ts";
import { moderationQueries as queries, type InspectedPostRow } from "./moderation.store.ts";
import { lockPost, visiblePost, type PageInput } from "./posts.ts";

/** A post as an admin sees it. */
export interface InspectedPost {
  readonly id: PostId;
  readonly authorId: UserId;
  readonly authorName: string | null;
  readonly text: string | null;
  readonly link: string | null;
  readonly image: string | null;
  readonly createdAt: number;
  readonly editedAt: number | null;
  readonly likeCount: number;
  readonly commentCount: number;
  readonly reportCount: number;
  readonly reportedAt: number | null;
}

/** A student's report of a post, with the reason. */
export interface PostReport {
  readonly userId: UserId;
  readonly reason: string;
  readonly at: number;
}

/** Reports of posts, and what admins do about them. */
export interface Moderation {
  /** Reports a post. Idempotent: a second report by the same student changes nothing. Throws `not-found`, `rate/limited`. */
  report(
    source: CommandSource,
    input: { readonly postId: PostId; readonly reason: string },
  ): Promise<{ readonly postId: PostId }>;
  /** Lists reported posts, the last reported first; or all posts, newest first. */
  list(input: PageInput & { readonly reported: boolean }): Promise<Page<InspectedPost>>;
  /** Returns a post with at most 100 of its reports. Throws `not-found`. */
  show(postId: PostId): Promise<InspectedPost & { readonly reports: readonly PostReport[] }>;
  /** Removes a post for everybody, with its likes, comments and reports. Throws `not-found`. */
  remove(input: {
    readonly postId: PostId;
    readonly reason: string;
  }): Promise<{ readonly postId: PostId; readonly authorId: UserId }>;
}

export interface ModerationDeps {
  readonly database: Pick<Database, "read" | "write">;
  readonly commands: Commands;
  readonly areas: Areas;
  readonly notifications: Notifications;
  readonly audit: Pick<Audit, "record">;
  readonly clock: Clock;
  readonly rate: StudentRateLimit;
}

const MAX_SHOWN_REPORTS = 100;
/** The cursor of the first page: before the newest, for positions and for instants. */
const FROM_NEWEST = Number.MAX_SAFE_INTEGER;

export const createModeration = (deps: ModerationDeps): Moderation => {
  const { database, commands, areas, notifications, audit, clock, rate } = deps;
  const { read } = database;
  return {
    report: (source, input) =>
      commands.execute(source, { procedure: "social.report", input }, async (tx, now) => {
        const { postId, reason } = input;
        await lockPost(tx, postId);
        await visiblePost(tx, source.userId, postId);
        rate.take(source.userId);
        await tx.all(queries.report, { postId, userId: source.userId, reason, now });
        return { postId };
      }),

    list: async ({ reported, cursor, limit }) => {
      if (!reported) {
        const [before] = parseCursor(cursor, "posts", z.tuple([z.number().int()])) ?? [FROM_NEWEST];
        const rows = await read.all(queries.newest, { before, limit: limit + 1 });
        return toPage(rows, limit, {
          list: "posts",
          itemOf: rowToInspectedPost,
          positionOf: ({ position }) => [position],
        });
      }
      const list = "reported posts";
      const [reportedBefore, before] = parseCursor(
        cursor,
        list,
        z.tuple([z.number().int(), z.number().int()]),
      ) ?? [FROM_NEWEST, FROM_NEWEST];
      const rows = await read.all(queries.reported, { reportedBefore, before, limit: limit + 1 });
      return toPage(rows, limit, {
        list,
        itemOf: rowToInspectedPost,
        positionOf: ({ reported_at, position }) => [reported_at ?? 0, position],
      });
    },

    show: async (postId) => {
      const [row, reports] = await Promise.all([
        read.first(queries.byId, { postId }),
        read.all(queries.reports, { postId, limit: MAX_SHOWN_REPORTS }),
      ]);
      if (!row) throw noSuchPost();
      return {
        ...rowToInspectedPost(row),
        reports: reports.map(({ user_id: userId, reason, at }) => ({ userId, reason, at })),
      };
    },

    remove: ({ postId, reason }) =>
      database.write(async (tx) => {
        const now = clock.now();
        await lockPost(tx, postId);
        const removed = await tx.first(queries.remove, { postId });
        if (!removed) throw noSuchPost();
        const { author_id: authorId } = removed;
        await audit.record(tx, { at: now, action: "post.removed", actor: "admin", userId: authorId, reason });
        await notifications.forget(tx, { kind: "post", id: postId });
        await areas.touch(tx, authorId, { area: "social", now });
        return { postId, authorId };
      }),
  };
};

const noSuchPost = () => new AppError("not-found", "There is no such post.");

const rowToInspectedPost = (row: InspectedPostRow): InspectedPost => ({
  id: row.id,
  authorId: row.author_id,
  authorName: row.author_name,
  text: row.text,
  link: row.link,
  image: row.image,
  createdAt: row.created_at,
  editedAt: row.edited_at,
  likeCount: row.like_count,
  commentCount: row.comment_count,
  reportCount: row.report_count,
  reportedAt: row.reported_at,
});
