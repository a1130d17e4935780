import type { Database, Queries } from "@edvoyage/db";
import type { Limits, UserId } from "@edvoyage/protocol";
import { z } from "zod";
import type { CommandSource, Commands } from "../commands/commands.ts";
import { AppError } from "../platform/errors.ts";
import type { Areas } from "../inbox/areas.ts";
import type { Notifications } from "../notifications/notifications.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import type { PublicProfile } from "../profile/profile.ts";
import type { StudentRateLimit } from "../limits/student-rate-limit.ts";
import type { PageInput } from "./posts.ts";
import { rowToStudent, type StudentName } from "./student-name.ts";
import { studentQueries as queries, type FollowRow, type StudentPageRow } from "./students.store.ts";

/** A student's page, without her posts. */
export interface StudentPage extends PublicProfile {
  readonly postCount: number;
  readonly followerCount: number;
  readonly followingCount: number;
  /** Whether the one who asks follows her. */
  readonly followed: boolean;
  /** Whether she follows the one who asks. */
  readonly followsYou: boolean;
}

/** A student in a list of those who follow or are followed. */
export interface FollowedStudent extends StudentName {
  /** When it began. */
  readonly since: number;
  /** Whether the one who asks follows her. */
  readonly followed: boolean;
}

/** Students, and whom they follow. */
export interface Students {
  /** Throws `not-found` for nobody's id, and for one who is not shown to the one who asks. */
  page(viewerId: UserId, userId: UserId): Promise<StudentPage>;
  /** Throws `not-found` as `page` does. */
  assertShown(viewerId: UserId, userId: UserId): Promise<void>;
  /** Newest first. Throws `not-found`. */
  followers(viewerId: UserId, input: PageInput & { readonly userId: UserId }): Promise<Page<FollowedStudent>>;
  /** Newest first. Throws `not-found`. */
  following(viewerId: UserId, input: PageInput & { readonly userId: UserId }): Promise<Page<FollowedStudent>>;
  /**
   * Her posts, the older ones too, are in the feed from now on. `follow` and `unfollow` answer with what holds now, also when
   * the command is repeated. Throws `not-found`, `limit/reached`, `rate/limited`.
   */
  follow(asking: CommandSource, input: { readonly userId: UserId }): Promise<FollowReceipt>;
  /** Whom she follows she may always leave, also when there is a block. Throws `not-found`, `rate/limited`. */
  unfollow(asking: CommandSource, input: { readonly userId: UserId }): Promise<FollowReceipt>;
}

/** Whether the one who asks follows a student now. */
export interface FollowReceipt {
  readonly userId: UserId;
  readonly followed: boolean;
}

export interface StudentsDeps {
  readonly database: Pick<Database, "read">;
  readonly commands: Commands;
  readonly areas: Areas;
  readonly notifications: Notifications;
  readonly limits: Pick<Limits, "followed">;
  readonly rate: StudentRateLimit;
}

/** Before the newest. */
const FROM_NEWEST = Number.MAX_SAFE_INTEGER;

export const createStudents = (deps: StudentsDeps): Students => {
  const { database, commands, areas, notifications, limits, rate } = deps;
  const { read } = database;

  const listOf =
    (name: "followers" | "following"): Students["followers"] =>
    async (viewerId, { userId, cursor, limit }) => {
      await assertShown(read, viewerId, userId);
      const list = `${name} of ${userId}`;
      const [before] = parseCursor(cursor, list, z.tuple([z.number().int()])) ?? [FROM_NEWEST];
      const rows = await read.all(queries[name], { viewerId, userId, before, limit: limit + 1 });
      return toPage(rows, limit, {
        list,
        itemOf: rowToFollowedStudent,
        positionOf: ({ position }) => [position],
      });
    };

  const followOf = async (followerId: UserId, userId: UserId): Promise<FollowReceipt> => ({
    userId,
    followed: (await read.first(queries.followed, { followerId, followeeId: userId })) !== undefined,
  });

  return {
    page: async (viewerId, userId) => {
      const row = await read.first(queries.page, { viewerId, userId });
      if (!row) throw noSuchStudent();
      return rowToStudentPage(row);
    },

    assertShown: (viewerId, userId) => assertShown(read, viewerId, userId),

    followers: listOf("followers"),
    following: listOf("following"),

    follow: async (asking, input) => {
      const { userId: followerId } = asking;
      const { userId: followeeId } = input;
      await commands.execute(asking, { procedure: "social.follow", input }, async (tx, now) => {
        if (followeeId === followerId) {
          throw new AppError("input/invalid", "Nobody follows herself.", {
            issues: [{ path: "userId", message: "Your own id" }],
          });
        }
        await assertShown(tx, followerId, followeeId);
        // Both count it, and their lists have its place: in one order, or two who follow each other would wait for ever.
        for (const userId of [followerId, followeeId].sort()) await tx.lock(`follows:${userId}`);
        const counts = await tx.first(queries.counts, { userId: followerId });
        if (!(await tx.first(queries.follow, { followerId, followeeId, now }))) {
          return {};
        }
        if ((counts?.following ?? 0) >= limits.followed) {
          throw new AppError("limit/reached", "You follow as many students as one can.", {
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
      return followOf(followerId, followeeId);
    },

    unfollow: async (asking, input) => {
      const { userId: followerId } = asking;
      const { userId: followeeId } = input;
      await commands.execute(asking, { procedure: "social.unfollow", input }, async (tx, now) => {
        for (const userId of [followerId, followeeId].sort()) await tx.lock(`follows:${userId}`);
        if (!(await tx.first(queries.unfollow, { followerId, followeeId }))) {
          await assertShown(tx, followerId, followeeId);
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
      return followOf(followerId, followeeId);
    },
  };
};

const assertShown = async (from: Pick<Queries, "first">, viewerId: UserId, userId: UserId): Promise<void> => {
  if (!(await from.first(queries.shown, { viewerId, userId }))) throw noSuchStudent();
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
