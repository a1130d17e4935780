import {
  IMAGE_NAME_PATTERN,
  MAX_IMAGE_NAME_CHARACTERS,
  MAX_MENTIONS,
  MAX_REPORT_CHARACTERS,
  MAX_SOCIAL_TEXT_CHARACTERS,
  MAX_URL_CHARACTERS,
  type CommandId,
  type CommentId,
  type PostId,
  type UserId,
} from "@edvoyage/protocol";
import { z } from "zod";
import type { CommandSource } from "../commands/commands.ts";
import { commandIdInput, idInput } from "../inputs/id.ts";
import { pageInput } from "../inputs/page.ts";
import { lineInput, proseInput } from "../inputs/text.ts";
import { router, sessionProcedure, type SessionContext } from "../http/trpc.ts";
import { httpsUrlInput } from "../inputs/url.ts";
import type { Social } from "./social.ts";

const postId = idInput<PostId>();
const commentId = idInput<CommentId>();
const userId = idInput<UserId>();
const commandId = commandIdInput();
const text = proseInput(MAX_SOCIAL_TEXT_CHARACTERS);
const link = httpsUrlInput(MAX_URL_CHARACTERS);
const image = z.union([
  httpsUrlInput(MAX_URL_CHARACTERS),
  z
    .string()
    .max(MAX_IMAGE_NAME_CHARACTERS)
    .regex(IMAGE_NAME_PATTERN, "An https URL, or the name of an image"),
]);
const mentions = z.array(userId).max(MAX_MENTIONS);
const orNull = <Input extends z.ZodType>(input: Input) => input.nullish().transform((given) => given ?? null);

export const createSocialRouter = ({ social }: { readonly social: Social }) => {
  const { posts, comments, students, moderation } = social;
  return router({
    feed: sessionProcedure
      .input(z.object(pageInput).prefault({}))
      .query(({ ctx, input }) => posts.feed(ctx.caller.user.id, input)),
    get: sessionProcedure
      .meta({ reasons: ["not-found"] })
      .input(z.object({ postId }))
      .query(({ ctx, input }) => posts.get(ctx.caller.user.id, input.postId)),
    post: sessionProcedure
      .meta({ reasons: ["limit/reached", "rate/limited"] })
      .input(
        z.object({
          text: orNull(text),
          link: orNull(link),
          image: orNull(image),
          mentions: mentions.default([]),
          commandId,
        }),
      )
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        posts.post(commandSource(ctx, commandId), input),
      ),
    editPost: sessionProcedure
      .meta({ reasons: ["not-found", "forbidden", "limit/reached", "rate/limited"] })
      .input(
        z.object({
          postId,
          text: text.nullish(),
          link: link.nullish(),
          image: image.nullish(),
          mentions: mentions.optional(),
          commandId,
        }),
      )
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        posts.edit(commandSource(ctx, commandId), input),
      ),
    removePost: sessionProcedure
      .meta({ reasons: ["not-found", "forbidden"] })
      .input(z.object({ postId, commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        posts.remove(commandSource(ctx, commandId), input),
      ),
    like: sessionProcedure
      .meta({ reasons: ["not-found", "rate/limited"] })
      .input(z.object({ postId, commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        posts.like(commandSource(ctx, commandId), input),
      ),
    unlike: sessionProcedure
      .meta({ reasons: ["not-found", "rate/limited"] })
      .input(z.object({ postId, commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        posts.unlike(commandSource(ctx, commandId), input),
      ),
    likes: sessionProcedure
      .meta({ reasons: ["not-found"] })
      .input(z.object({ postId, ...pageInput }))
      .query(({ ctx, input }) => posts.likers(ctx.caller.user.id, input)),
    report: sessionProcedure
      .meta({ reasons: ["not-found", "rate/limited"] })
      .input(z.object({ postId, reason: lineInput(MAX_REPORT_CHARACTERS), commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        moderation.report(commandSource(ctx, commandId), input),
      ),

    comments: sessionProcedure
      .meta({ reasons: ["not-found"] })
      .input(z.object({ postId, parentId: orNull(commentId), ...pageInput }))
      .query(({ ctx, input }) => comments.list(ctx.caller.user.id, input)),
    getComment: sessionProcedure
      .meta({ reasons: ["not-found"] })
      .input(z.object({ commentId }))
      .query(({ ctx, input }) => comments.get(ctx.caller.user.id, input.commentId)),
    comment: sessionProcedure
      .meta({ reasons: ["not-found", "limit/reached", "rate/limited"] })
      .input(
        z.object({ postId, parentId: orNull(commentId), text, mentions: mentions.default([]), commandId }),
      )
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        comments.add(commandSource(ctx, commandId), input),
      ),
    removeComment: sessionProcedure
      .meta({ reasons: ["not-found", "forbidden"] })
      .input(z.object({ commentId, commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        comments.remove(commandSource(ctx, commandId), input),
      ),

    follow: sessionProcedure
      .meta({ reasons: ["not-found", "limit/reached", "rate/limited"] })
      .input(z.object({ userId, commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        students.follow(commandSource(ctx, commandId), input),
      ),
    unfollow: sessionProcedure
      .meta({ reasons: ["not-found", "rate/limited"] })
      .input(z.object({ userId, commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        students.unfollow(commandSource(ctx, commandId), input),
      ),
    followers: sessionProcedure
      .meta({ reasons: ["not-found"] })
      .input(z.object({ userId: userId.optional(), ...pageInput }).prefault({}))
      .query(({ ctx, input: { userId, ...page } }) =>
        students.followers(ctx.caller.user.id, { ...page, userId: userId ?? ctx.caller.user.id }),
      ),
    following: sessionProcedure
      .meta({ reasons: ["not-found"] })
      .input(z.object({ userId: userId.optional(), ...pageInput }).prefault({}))
      .query(({ ctx, input: { userId, ...page } }) =>
        students.following(ctx.caller.user.id, { ...page, userId: userId ?? ctx.caller.user.id }),
      ),
    student: sessionProcedure
      .meta({ reasons: ["not-found"] })
      .input(z.object({ userId }))
      .query(({ ctx, input }) => students.page(ctx.caller.user.id, input.userId)),
    studentPosts: sessionProcedure
      .meta({ reasons: ["not-found"] })
      .input(z.object({ userId, ...pageInput }))
      .query(async ({ ctx, input: { userId, ...page } }) => {
        await students.assertVisible(ctx.caller.user.id, userId);
        return posts.byAuthor(ctx.caller.user.id, userId, page);
      }),
  });
};

const commandSource = ({ caller }: SessionContext, commandId: CommandId | null): CommandSource => ({
  userId: caller.user.id,
  commandId,
});
