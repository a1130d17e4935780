import { prepare } from "@edvoyage/db";
import type { PostId, UserId } from "@edvoyage/protocol";

/** The most rows that one unit of work deletes. */
const ERASE_BATCH = 500;

const postsOf = prepare<{ userId: UserId; after: number; limit: number }>()((query, param) =>
  query
    .selectFrom("posts")
    .select(["position", "id", "text", "link", "image", "created_at", "edited_at"])
    .where("author_id", "=", param.userId)
    .where("position", ">", param.after)
    .orderBy("position")
    .limit(param.limit),
);

const commentsOf = prepare<{ userId: UserId; after: number; limit: number }>()((query, param) =>
  query
    .selectFrom("comments")
    .select(["position", "id", "post_id", "parent_id", "text", "created_at"])
    .where("author_id", "=", param.userId)
    .where("position", ">", param.after)
    .orderBy("position")
    .limit(param.limit),
);

const likesOf = prepare<{ userId: UserId; after: string; limit: number }>()((query, param) =>
  query
    .selectFrom("likes")
    .select(["post_id", "at"])
    .where("user_id", "=", param.userId)
    .where("post_id", ">", toPostId(param.after))
    .orderBy("post_id")
    .limit(param.limit),
);

const mentionsOf = prepare<{ userId: UserId; after: string; limit: number }>()((query, param) =>
  query
    .selectFrom("mentions")
    .select(["subject_id", "post_id"])
    .where("user_id", "=", param.userId)
    .where("subject_id", ">", toPostId(param.after))
    .orderBy("subject_id")
    .limit(param.limit),
);

const reportsOf = prepare<{ userId: UserId; after: string; limit: number }>()((query, param) =>
  query
    .selectFrom("post_reports")
    .select(["post_id", "reason", "at"])
    .where("user_id", "=", param.userId)
    .where("post_id", ">", toPostId(param.after))
    .orderBy("post_id")
    .limit(param.limit),
);

const followingOf = prepare<{ userId: UserId; after: number; limit: number }>()((query, param) =>
  query
    .selectFrom("follows")
    .select(["position", "followee_id as user_id", "at"])
    .where("follower_id", "=", param.userId)
    .where("position", ">", param.after)
    .orderBy("position")
    .limit(param.limit),
);

const followersOf = prepare<{ userId: UserId; after: number; limit: number }>()((query, param) =>
  query
    .selectFrom("follows")
    .select(["position", "follower_id as user_id", "at"])
    .where("followee_id", "=", param.userId)
    .where("position", ">", param.after)
    .orderBy("position")
    .limit(param.limit),
);

const eraseLikesOf = prepare<{ userId: UserId }>()((query, param) =>
  query
    .deleteFrom("likes")
    .where("user_id", "=", param.userId)
    .where("post_id", "in", (eb) =>
      eb.selectFrom("likes").select("post_id").where("user_id", "=", param.userId).limit(ERASE_BATCH),
    )
    .returning("post_id"),
);

const eraseFollowsOf = prepare<{ userId: UserId }>()((query, param) =>
  query
    .deleteFrom("follows")
    .where("position", "in", (eb) =>
      eb.selectFrom("follows").select("position").where("follower_id", "=", param.userId).limit(ERASE_BATCH),
    )
    .returning("position"),
);

const eraseFollowsOn = prepare<{ userId: UserId }>()((query, param) =>
  query
    .deleteFrom("follows")
    .where("position", "in", (eb) =>
      eb.selectFrom("follows").select("position").where("followee_id", "=", param.userId).limit(ERASE_BATCH),
    )
    .returning("position"),
);

/** Deletes the newest first, so that replies go before the comments that they reply to. */
const eraseCommentsOf = prepare<{ userId: UserId }>()((query, param) =>
  query
    .deleteFrom("comments")
    .where("position", "in", (eb) =>
      eb
        .selectFrom("comments")
        .select("position")
        .where("author_id", "=", param.userId)
        .orderBy("position", "desc")
        .limit(ERASE_BATCH),
    )
    .returning("position"),
);

const anyPost = prepare<{ userId: UserId }>()((query, param) =>
  query.selectFrom("posts").select("id").where("author_id", "=", param.userId).limit(1),
);

const eraseLikesOn = prepare<{ postId: PostId }>()((query, param) =>
  query
    .deleteFrom("likes")
    .where("post_id", "=", param.postId)
    .where("user_id", "in", (eb) =>
      eb.selectFrom("likes").select("user_id").where("post_id", "=", param.postId).limit(ERASE_BATCH),
    )
    .returning("post_id"),
);

const eraseCommentsOn = prepare<{ postId: PostId }>()((query, param) =>
  query
    .deleteFrom("comments")
    .where("position", "in", (eb) =>
      eb
        .selectFrom("comments")
        .select("position")
        .where("post_id", "=", param.postId)
        .orderBy("position", "desc")
        .limit(ERASE_BATCH),
    )
    .returning("position"),
);

const erasePost = prepare<{ postId: PostId }>()((query, param) =>
  query.deleteFrom("posts").where("id", "=", param.postId).returning("id"),
);

/** The queries of the export and the erasure of a student's posts, comments, likes and follows. */
export const studentDataQueries = {
  postsOf,
  commentsOf,
  likesOf,
  mentionsOf,
  reportsOf,
  followingOf,
  followersOf,
  eraseLikesOf,
  eraseFollowsOf,
  eraseFollowsOn,
  eraseCommentsOf,
  anyPost,
  eraseLikesOn,
  eraseCommentsOn,
  erasePost,
};

const toPostId = (text: string): PostId => text as PostId;
