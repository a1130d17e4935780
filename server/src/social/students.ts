import type { Database, Queries } from "@edvoyage/db";
import type { FollowReceipt, Limits, UserId, StudentPage, FollowedStudent } from "@edvoyage/protocol";
import { z } from "zod";
import type { CommandSource, Commands } from "../commands/commands.ts";
import { AppError } from "../platform/errors.ts";
import type { Areas } from "../inbox/areas.ts";
import type { Notifications } from "../notifications/notifications.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";

import type { StudentRateLimit } from "../limits/student-rate-limit.ts";
import type { PageInput } from "./posts.ts";
import { rowToStudent } from "./student-name.ts";
import { studentQueries as queries, type FollowRow, type StudentPageRow } from "./students.store.ts";

export type { StudentPage, FollowedStudent } from "@edvoyage/protocol";

/** Students' pages and follows. */
export interface Students {
  /** Throws `not-found` for an unknown id, and for a student who is not visible to the viewer. */
  page(viewerId: UserId, userId: UserId): Promise<StudentPage>;
  /** Throws `not-found` as `page` does. */
  assertVisible(viewerId: UserId, userId: UserId): Promise<void>;
  /** Newest first. Throws `not-found`. */
  followers(viewerId: UserId, input: PageInput & { readonly userId: UserId }): Promise<Page<FollowedStudent>>;
  /** Newest first. Throws `not-found`. */
  following(viewerId: UserId, input: PageInput & { readonly userId: UserId }): Promise<Page<FollowedStudent>>;
  /**
   * Follows a student: their posts, older ones included, are in the feed from now on. `follow` and `unfollow` return the
   * current state, also when the command is repeated. Throws `not-found`, `limit/reached`, `rate/limited`.
   */
  follow(source: CommandSource, input: { readonly userId: UserId }): Promise<FollowReceipt>;
  /** Unfollows a student. Possible also when one of the two blocks the other. Throws `not-found`, `rate/limited`. */
  unfollow(source: CommandSource, input: { readonly userId: UserId }): Promise<FollowReceipt>;
}

export interface StudentsDeps {
  readonly database: Pick<Database, "read">;
  readonly commands: Commands;
  readonly areas: Areas;
  readonly notifications: Notifications;
  readonly limits: Pick<Limits, "followed">;
  readonly rate: StudentRateLimit;
}

/** The cursor of the first page: before the newest follow. */
const FROM_NEWEST = Number.MAX_SAFE_INTEGER;

export const createStudents = (deps: StudentsDeps): Students => {
  const { database, commands, areas, notifications, limits, rate } = deps;
  const { read } = database;

  const listOf =
    (name: "followers" | "following"): Students["followers"] =>
    async (viewerId, { userId, cursor, limit }) => {
      await assertVisible(read, viewerId, userId);
      const list = `${name} of ${userId}`;
      const [before] = parseCursor(cursor, list, z.tuple([z.number().int()])) ?? [FROM_NEWEST];
      const rows = await read.all(queries[name], { viewerId, userId, before, limit: limit + 1 });
      return toPage(rows, limit, {
        list,
        itemOf: rowToFollowedStudent,
        positionOf: ({ position }) => [position],
      });
    };

  const currentFollow = async (followerId: UserId, userId: UserId): Promise<FollowReceipt> => ({
    userId,
    followed: (await read.first(queries.followed, { followerId, followeeId: userId })) !== undefined,
  });

  return {
    page: async (viewerId, userId) => {
      const row = await read.first(queries.page, { viewerId, userId });
      if (!row) throw noSuchStudent();
      return rowToStudentPage(row);
    },

    assertVisible: (viewerId, userId) => assertVisible(read, viewerId, userId),

    followers: listOf("followers"),
    following: listOf("following"),

    follow: async (source, input) => {
      const { userId: followerId } = source;
      const { userId: followeeId } = input;
      await commands.execute(source, { procedure: "social.follow", input }, async (tx, now) => {
        if (followeeId === followerId) {
          throw new AppError("input/invalid", "You cannot follow yourself.", {
            issues: [{ path: "userId", message: "Your own id" }],
          });
        }
        await assertVisible(tx, followerId, followeeId);
        // The counts and lists of both change. Lock in a fixed order; otherwise two students who follow each other deadlock.
        for (const userId of [followerId, followeeId].sort()) await tx.lock(`follows:${userId}`);
        const counts = await tx.first(queries.counts, { userId: followerId });
        if (!(await tx.first(queries.follow, { followerId, followeeId, now }))) {
          return {};
        }
        if ((counts?.following ?? 0) >= limits.followed) {
          throw new AppError("limit/reached", "You already follow as many students as possible.", {
            limit: "followed",
          });
        }
        rate.take(followerId);
        await areas.touch(tx, followerId, { area: "social", now });
        const subject = { kind: "student", id: followerId } as const;
        await notifications.add(
          tx,
          { userId: followeeId, kind: "followed", actorId: followerId, subject },
          now,
        );
        return {};
      });
      return currentFollow(followerId, followeeId);
    },

    unfollow: async (source, input) => {
      const { userId: followerId } = source;
      const { userId: followeeId } = input;
      await commands.execute(source, { procedure: "social.unfollow", input }, async (tx, now) => {
        for (const userId of [followerId, followeeId].sort()) await tx.lock(`follows:${userId}`);
        if (!(await tx.first(queries.unfollow, { followerId, followeeId }))) {
          await assertVisible(tx, followerId, followeeId);
          return {};
        }
        rate.take(followerId);
        await areas.touch(tx, followerId, { area: "social", now });
        const subject = { kind: "student", id: followerId } as const;
        await notifications.takeBack(
          tx,
          { userId: followeeId, kind: "followed", actorId: followerId, subject },
          now,
        );
        return {};
      });
      return currentFollow(followerId, followeeId);
    },
  };
};

const assertVisible = async (
  from: Pick<Queries, "first">,
  viewerId: UserId,
  userId: UserId,
): Promise<void> => {
  if (!(await from.first(queries.visible, { viewerId, userId }))) throw noSuchStudent();
};

const noSuchStudent = () => new AppError("not-found", "There is no such student.");

const rowToFollowedStudent = (row: FollowRow): FollowedStudent => ({
  ...rowToStudent(row),
  since: row.at,
  followed: row.followed_by !== null,
});

const rowToStudentPage = (row: StudentPageRow): StudentPage => ({
  ...rowToStudent(row),
  bio: row.bio,
  institution: row.institution,
  homeCountry: row.home_country,
  postCount: row.posts ?? 0,
  followerCount: row.followers ?? 0,
  followingCount: row.following ?? 0,
  followed: row.followed_by !== null,
  followsYou: row.follows_viewer !== null,
});
