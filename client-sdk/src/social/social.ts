import {
  type CommentId,
  type FollowedStudent,
  type Page,
  type PostId,
  type UserId,
} from "@edvoyage/protocol";
import type { CurrentStudent } from "../students/current-student.ts";
import { inputChecks } from "../students/input-checks.ts";
import type { FeatureModule } from "../students/feature-module.ts";
import type { Comment, Post, Social } from "./api.ts";
import { assertTextFits } from "../runtime/text-limit.ts";
import { socialProjections } from "./projections.ts";

/** The number of items of a list to read at first. */
const count = 20;
/** The lane of own posts: they are sent in the order in which they were written. */
const POSTS = "social/posts";

const createSocial = ({ open, queue, act }: CurrentStudent): Social => {
  const editPost = act("social.editPost", "postId");
  return {
    feed: open<"social.feed", Page<Post>>({ procedure: "social.feed", input: {}, count }),
    get: (id) => open<"social.get", Post>({ procedure: "social.get", input: toPostInput(id) }),
    posts: (id) =>
      open<"social.studentPosts", Page<Post>>({
        procedure: "social.studentPosts",
        input: toStudentInput(id),
        count,
      }),
    comments: (id, parentId) => {
      const input = { ...toPostInput(id), parentId: (parentId ?? null) as CommentId | null };
      return open<"social.comments", Page<Comment>>({ procedure: "social.comments", input, count });
    },
    getComment: (id) =>
      open<"social.getComment", Comment>({
        procedure: "social.getComment",
        input: { commentId: id as CommentId },
      }),
    likes: (id) => open({ procedure: "social.likes", input: toPostInput(id), count }),
    student: (id) => open({ procedure: "social.student", input: toStudentInput(id) }),
    followers: (id) =>
      open<"social.followers", Page<FollowedStudent>>({
        procedure: "social.followers",
        input: toStudentInput(id),
        count,
      }),
    following: (id) =>
      open<"social.following", Page<FollowedStudent>>({
        procedure: "social.following",
        input: toStudentInput(id),
        count,
      }),
    post: async (content) => {
      assertTextFits(content.text, "postCharacters");
      return queue("social.post", content, { about: POSTS, lane: POSTS });
    },
    editPost: async (id, changes) => {
      assertTextFits(changes.text, "postCharacters");
      return editPost(id, changes);
    },
    removePost: act("social.removePost", "postId"),
    like: act("social.like", "postId"),
    unlike: act("social.unlike", "postId"),
    report: act("social.report", "postId"),
    comment: async (id, comment) => {
      assertTextFits(comment.text, "commentCharacters");
      const input = { parentId: null, ...comment, ...toPostInput(id) };
      return queue("social.comment", input, { about: id });
    },
    removeComment: act("social.removeComment", "commentId"),
    follow: act("social.follow", "userId"),
    unfollow: act("social.unfollow", "userId"),
  };
};

/** The feature module for the social area, Cavity. */
export const social: FeatureModule<Social> = {
  open: createSocial,
  projections: socialProjections,
  checks: inputChecks,
};

const toPostInput = (id: string) => ({ postId: id as PostId });
const toStudentInput = (id: string) => ({ userId: id as UserId });
