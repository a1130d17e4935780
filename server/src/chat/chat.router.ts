import {
  ROOM_HISTORIES,
  ROOM_ROLES,
  type CommandId,
  type MessageId,
  type RoomId,
  type UserId,
} from "@edvoyage/protocol";
import { z } from "zod";
import { commandIdInput, idInput, requiredCommandIdInput } from "../inputs/id.ts";
import { pageInput } from "../inputs/page.ts";
import { lineInput } from "../inputs/text.ts";
import { router, sessionProcedure, type SessionContext } from "../http/trpc.ts";
import type { CommandSource } from "../commands/commands.ts";
import type { Chat } from "./chat.ts";
import { isEmoji } from "./emoji.ts";

const MAX_ROOM_NAME_CHARACTERS = 100;
/** More than a room will hold: what is above the limit gets the error that names it. */
const MAX_NAMED_STUDENTS = 1_000;
/** PostgreSQL's largest integer. */
const MAX_PLACE = 2 ** 31 - 1;

const roomId = idInput<RoomId>();
const userId = idInput<UserId>();
const messageId = idInput<MessageId>();
const memberIds = z.array(userId).max(MAX_NAMED_STUDENTS);
const name = lineInput(MAX_ROOM_NAME_CHARACTERS);
const commandId = commandIdInput();
const place = z.number().int().max(MAX_PLACE);
/** Index -1 is before the first entry of a segment. */
const position = z.object({ segment: place.min(0), index: place.min(-1) });
/** Databases and encoders differ on NUL and lone surrogates; the length has a limit of its own. */
const text = z
  .string()
  .refine((value) => value.isWellFormed() && !value.includes("\0"), "Not well-formed text")
  .refine((value) => /\S/.test(value), "Nothing is said");

export const createChatRouter = ({ chat: { rooms, messages } }: { readonly chat: Chat }) =>
  router({
    rooms: router({
      list: sessionProcedure
        .input(z.object(pageInput).prefault({}))
        .query(({ ctx, input }) => rooms.list(ctx.caller.user.id, input)),
      get: sessionProcedure
        .input(z.object({ roomId }))
        .query(({ ctx, input }) => rooms.get(ctx.caller.user.id, input.roomId)),
      create: sessionProcedure
        .input(
          z.discriminatedUnion("kind", [
            z.object({ kind: z.literal("direct"), memberIds: memberIds.length(1), commandId }),
            z.object({
              kind: z.literal("group"),
              memberIds,
              name: name.nullish().transform((given) => given ?? null),
              history: z.enum(ROOM_HISTORIES).default("all"),
              commandId,
            }),
          ]),
        )
        .mutation(({ ctx, input: { commandId, ...input } }) => rooms.create(asking(ctx, commandId), input)),
      rename: sessionProcedure
        .input(z.object({ roomId, name, commandId }))
        .mutation(({ ctx, input: { commandId, ...input } }) => rooms.rename(asking(ctx, commandId), input)),
      setRole: sessionProcedure
        .input(z.object({ roomId, userId, role: z.enum(ROOM_ROLES), commandId }))
        .mutation(({ ctx, input: { commandId, ...input } }) => rooms.setRole(asking(ctx, commandId), input)),
      addMembers: sessionProcedure
        .input(z.object({ roomId, memberIds, commandId }))
        .mutation(({ ctx, input: { commandId, ...input } }) =>
          rooms.addMembers(asking(ctx, commandId), input),
        ),
      removeMember: sessionProcedure
        .input(z.object({ roomId, userId, commandId }))
        .mutation(({ ctx, input: { commandId, ...input } }) =>
          rooms.removeMember(asking(ctx, commandId), input),
        ),
      leave: sessionProcedure
        .input(z.object({ roomId, commandId }))
        .mutation(({ ctx, input: { commandId, ...input } }) => rooms.leave(asking(ctx, commandId), input)),
      acceptInvitation: sessionProcedure
        .input(z.object({ roomId, commandId }))
        .mutation(({ ctx, input: { commandId, ...input } }) =>
          rooms.acceptInvitation(asking(ctx, commandId), input),
        ),
      declineInvitation: sessionProcedure
        .input(z.object({ roomId, commandId }))
        .mutation(({ ctx, input: { commandId, ...input } }) =>
          rooms.declineInvitation(asking(ctx, commandId), input),
        ),
    }),

    send: sessionProcedure
      .input(
        z.object({
          roomId,
          text,
          replyTo: messageId.nullish().transform((id) => id ?? null),
          commandId: requiredCommandIdInput(),
        }),
      )
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        messages.send({ userId: ctx.caller.user.id, commandId }, input),
      ),
    edit: sessionProcedure
      .input(z.object({ roomId, messageId, text, commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) => messages.edit(asking(ctx, commandId), input)),
    remove: sessionProcedure
      .input(z.object({ roomId, messageId, commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) => messages.remove(asking(ctx, commandId), input)),
    react: sessionProcedure
      .input(
        z.object({
          roomId,
          messageId,
          emoji: z.string().refine(isEmoji, "Not an emoji").nullable(),
          commandId,
        }),
      )
      .mutation(({ ctx, input: { commandId, ...input } }) => messages.react(asking(ctx, commandId), input)),
    markRead: sessionProcedure
      .input(z.object({ roomId, position, commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        messages.markRead(asking(ctx, commandId), input),
      ),
    history: sessionProcedure
      .input(
        z.object({
          roomId,
          before: position.nullish().transform((given) => given ?? null),
          limit: pageInput.limit,
        }),
      )
      .query(({ ctx, input }) => messages.history(ctx.caller.user.id, input)),
  });

/** Who asks is always the session's student. */
const asking = ({ caller }: SessionContext, commandId: CommandId | null): CommandSource => ({
  userId: caller.user.id,
  commandId,
});
