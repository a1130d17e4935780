import { prepare } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";
import type { StudentRow } from "./student-name.ts";
import { isVisibleTo } from "./visibility.ts";

/** A student's page as one viewer sees it. */
export interface StudentPageRow extends StudentRow {
  readonly bio: string | null;
  readonly institution: string | null;
  readonly home_country: string | null;
  readonly posts: number | null;
  readonly followers: number | null;
  readonly following: number | null;
  /** The viewer's id if the viewer follows the student; otherwise `null`. */
  readonly followed_by: UserId | null;
  /** The student's id if the student follows the viewer; otherwise `null`. */
  readonly follows_viewer: UserId | null;
}

/** A student in a list of followers. */
export interface FollowRow extends StudentRow {
  readonly position: number;
  readonly at: number;
  /** The viewer's id if the viewer follows the student; otherwise `null`. */
  readonly followed_by: UserId | null;
}

const page = prepare<{ viewerId: UserId; userId: UserId }>()((query, param) =>
  query
    .selectFrom("users")
    .leftJoin("profiles", "profiles.user_id", "users.id")
    .leftJoin("social_counts", "social_counts.user_id", "users.id")
    .leftJoin("follows as own", (join) =>
      join.onRef("own.followee_id", "=", "users.id").on("own.follower_id", "=", param.viewerId),
    )
    .leftJoin("follows as theirs", (join) =>
      join.onRef("theirs.follower_id", "=", "users.id").on("theirs.followee_id", "=", param.viewerId),
    )
    .select([
      "users.id",
      "profiles.name",
      "profiles.photo_url",
      "profiles.bio",
      "profiles.institution",
      "profiles.home_country",
      "social_counts.posts",
      "social_counts.followers",
      "social_counts.following",
      "own.follower_id as followed_by",
      "theirs.follower_id as follows_viewer",
    ])
    .where("users.id", "=", param.userId)
    .where(isVisibleTo(param.viewerId, "users.id")),
);

/** Finds a row if the student is visible to the viewer. */
const visible = prepare<{ viewerId: UserId; userId: UserId }>()((query, param) =>
  query
    .selectFrom("users")
    .select("users.id")
    .where("users.id", "=", param.userId)
    .where(isVisibleTo(param.viewerId, "users.id")),
);

const followers = prepare<{ viewerId: UserId; userId: UserId; before: number; limit: number }>()(
  (query, param) =>
    query
      .selectFrom("follows")
      .leftJoin("profiles", "profiles.user_id", "follows.follower_id")
      .leftJoin("follows as own", (join) =>
        join.onRef("own.followee_id", "=", "follows.follower_id").on("own.follower_id", "=", param.viewerId),
      )
      .select([
        "follows.position",
        "follows.at",
        "follows.follower_id as id",
        "profiles.name",
        "profiles.photo_url",
        "own.follower_id as followed_by",
      ])
      .where("follows.followee_id", "=", param.userId)
      .where("follows.position", "<", param.before)
      .where(isVisibleTo(param.viewerId, "follows.follower_id"))
      .orderBy("follows.position", "desc")
      .limit(param.limit),
);

const following = prepare<{ viewerId: UserId; userId: UserId; before: number; limit: number }>()(
  (query, param) =>
    query
      .selectFrom("follows")
      .leftJoin("profiles", "profiles.user_id", "follows.followee_id")
      .leftJoin("follows as own", (join) =>
        join.onRef("own.followee_id", "=", "follows.followee_id").on("own.follower_id", "=", param.viewerId),
      )
      .select([
        "follows.position",
        "follows.at",
        "follows.followee_id as id",
        "profiles.name",
        "profiles.photo_url",
        "own.follower_id as followed_by",
      ])
      .where("follows.follower_id", "=", param.userId)
      .where("follows.position", "<", param.before)
      .where(isVisibleTo(param.viewerId, "follows.followee_id"))
      .orderBy("follows.position", "desc")
      .limit(param.limit),
);

const counts = prepare<{ userId: UserId }>()((query, param) =>
  query
    .selectFrom("social_counts")
    .select(["posts", "followers", "following"])
    .where("user_id", "=", param.userId),
);

const follow = prepare<{ followerId: UserId; followeeId: UserId; now: number }>()((query, param) =>
  query
    .insertInto("follows")
    .values({ follower_id: param.followerId, followee_id: param.followeeId, at: param.now })
    .onConflict((conflict) => conflict.columns(["follower_id", "followee_id"]).doNothing())
    .returning("position"),
);

const unfollow = prepare<{ followerId: UserId; followeeId: UserId }>()((query, param) =>
  query
    .deleteFrom("follows")
    .where("follower_id", "=", param.followerId)
    .where("followee_id", "=", param.followeeId)
    .returning("position"),
);

/** Finds a row if one student follows another, also when the other is not visible to the follower. */
const followed = prepare<{ followerId: UserId; followeeId: UserId }>()((query, param) =>
  query
    .selectFrom("follows")
    .select("position")
    .where("follower_id", "=", param.followerId)
    .where("followee_id", "=", param.followeeId),
);

/** The queries of students and whom they follow. */
export const studentQueries = { page, visible, followers, following, counts, follow, unfollow, followed };
