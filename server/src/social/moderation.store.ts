import { prepare } from "@edvoyage/db";
import type { PostId, UserId } from "@edvoyage/protocol";

const columns = [
  "posts.position",
  "posts.id",
  "posts.author_id",
  "posts.text",
  "posts.link",
  "posts.image",
  "posts.created_at",
  "posts.edited_at",
  "posts.like_count",
  "posts.comment_count",
  "posts.report_count",
  "posts.reported_at",
  "profiles.name as author_name",
] as const;

/** A post as an admin sees it. */
export interface InspectedPostRow {
  readonly position: number;
  readonly id: PostId;
  readonly author_id: UserId;
  readonly author_name: string | null;
  readonly text: string | null;
  readonly link: string | null;
  readonly image: string | null;
  readonly created_at: number;
  readonly edited_at: number | null;
  readonly like_count: number;
  readonly comment_count: number;
  readonly report_count: number;
  readonly reported_at: number | null;
}

const newest = prepare<{ before: number; limit: number }>()((query, param) =>
  query
    .selectFrom("posts")
    .leftJoin("profiles", "profiles.user_id", "posts.author_id")
    .select(columns)
    .where("posts.position", "<", param.before)
    .orderBy("posts.position", "desc")
    .limit(param.limit),
);

/** Reported posts; the last reported is first. */
const reported = prepare<{ reportedBefore: number; before: number; limit: number }>()((query, param) =>
  query
    .selectFrom("posts")
    .leftJoin("profiles", "profiles.user_id", "posts.author_id")
    .select(columns)
    // A literal, not a parameter: otherwise no database uses the partial index of reported posts.
    .where((eb) => eb("posts.report_count", ">", eb.lit(0)))
    .where("posts.reported_at", "<=", param.reportedBefore)
    .where((eb) =>
      eb.or([eb("posts.reported_at", "<", param.reportedBefore), eb("posts.position", "<", param.before)]),
    )
    .orderBy("posts.reported_at", "desc")
    .orderBy("posts.position", "desc")
    .limit(param.limit),
);

const byId = prepare<{ postId: PostId }>()((query, param) =>
  query
    .selectFrom("posts")
    .leftJoin("profiles", "profiles.user_id", "posts.author_id")
    .select(columns)
    .where("posts.id", "=", param.postId),
);

/** The reports of a post, in the order of the reporters' ids. */
const reports = prepare<{ postId: PostId; limit: number }>()((query, param) =>
  query
    .selectFrom("post_reports")
    .select(["user_id", "reason", "at"])
    .where("post_id", "=", param.postId)
    .orderBy("user_id")
    .limit(param.limit),
);

const report = prepare<{ postId: PostId; userId: UserId; reason: string; now: number }>()((query, param) =>
  query
    .insertInto("post_reports")
    .values({ post_id: param.postId, user_id: param.userId, reason: param.reason, at: param.now })
    .onConflict((conflict) => conflict.doNothing())
    .returning("post_id"),
);

const remove = prepare<{ postId: PostId }>()((query, param) =>
  query.deleteFrom("posts").where("id", "=", param.postId).returning("author_id"),
);

/** The queries of reports, and of the admin's view of posts. */
export const moderationQueries = { newest, reported, byId, reports, report, remove };
