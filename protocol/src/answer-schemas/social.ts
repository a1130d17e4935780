import { z } from "zod";
import type { CommentId, PostId, UserId } from "../ids.ts";
import type {
  CommentReceipt,
  FollowedStudent,
  FollowReceipt,
  LikeReceipt,
  SentComment,
  SentPost,
  StudentMention,
  StudentName,
  StudentPage,
} from "../social.ts";
import { answerOf } from "./answer.ts";
import { publicProfile } from "./profile.ts";
import { count, httpsUrl, idAnswer, instant } from "./values.ts";

const userId = idAnswer<UserId>();
const postId = idAnswer<PostId>();
const commentId = idAnswer<CommentId>();

export const studentName = answerOf<StudentName>()(
  z
    .strictObject({ id: userId, name: z.string().nullable(), photoUrl: httpsUrl.nullable() })
    .meta({ id: "StudentName", description: "A student as shown in posts, comments and lists." }),
);

const studentMention = answerOf<StudentMention>()(
  z
    .strictObject({ id: userId, name: z.string().nullable() })
    .meta({ id: "StudentMention", description: "A student whom a post or comment mentions." }),
);

export const post = answerOf<SentPost>()(
  z
    .strictObject({
      id: postId,
      author: studentName,
      text: z.string().nullable().describe("At least one of text, link and image is not `null`."),
      link: httpsUrl.nullable(),
      image: z.string().nullable().describe("An `https:` URL, or a name in the app's own image store."),
      mentions: z.array(studentMention),
      likeCount: count,
      commentCount: count.describe("Includes replies."),
      liked: z.boolean().describe("Whether the caller likes the post."),
      createdAt: instant,
      editedAt: instant.nullable(),
    })
    .meta({ id: "Post", description: "A post as one student sees it." }),
);

export const comment = answerOf<SentComment>()(
  z
    .strictObject({
      id: commentId,
      postId,
      parentId: commentId
        .nullable()
        .describe("The comment that this one replies to; `null` for a comment on the post itself."),
      author: studentName,
      text: z.string(),
      mentions: z.array(studentMention),
      replyCount: count,
      createdAt: instant,
    })
    .meta({ id: "Comment", description: "A comment on a post, or a reply to one." }),
);

export const studentPage = answerOf<StudentPage>()(
  z
    .strictObject({
      ...publicProfile.shape,
      postCount: count,
      followerCount: count,
      followingCount: count,
      followed: z.boolean().describe("Whether the caller follows this student."),
      followsYou: z.boolean().describe("Whether this student follows the caller."),
    })
    .meta({ id: "StudentPage", description: "A student's page, without the posts." }),
);

export const followedStudent = answerOf<FollowedStudent>()(
  z
    .strictObject({
      ...studentName.shape,
      since: instant.describe("When the follow began."),
      followed: z.boolean().describe("Whether the caller follows this student."),
    })
    .meta({ id: "FollowedStudent", description: "A student in a list of followers or followed students." }),
);

export const likeReceipt = answerOf<LikeReceipt>()(
  z.strictObject({ postId, liked: z.boolean(), likeCount: count }).meta({
    id: "LikeReceipt",
    description: "Whether the caller likes a post now, and how many students do.",
  }),
);

export const followReceipt = answerOf<FollowReceipt>()(
  z
    .strictObject({ userId, followed: z.boolean() })
    .meta({ id: "FollowReceipt", description: "Whether the caller follows a student now." }),
);

export const commentReceipt = answerOf<CommentReceipt>()(
  z
    .strictObject({
      commentId,
      parentId: commentId.nullable().describe("The comment whose thread it joined."),
      createdAt: instant,
    })
    .meta({ id: "CommentReceipt", description: "The result of adding a comment." }),
);

export const postReference = z.strictObject({ postId });
export const commentReference = z.strictObject({ commentId });
