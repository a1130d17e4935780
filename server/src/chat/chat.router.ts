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
/** Far above any room's limit, so that a group that is too large fails with `limit/reached` and not as invalid input. */
const MAX_NAMED_STUDENTS = 1_000;
/** The largest `integer` of PostgreSQL. */
const MAX_POSITION_NUMBER = 2 ** 31 - 1;

const roomId = idInput<RoomId>();
const userId = idInput<UserId>();
const messageId = idInput<MessageId>();
const memberIds = z.array(userId).max(MAX_NAMED_STUDENTS);
const name = lineInput(MAX_ROOM_NAME_CHARACTERS);
const commandId = commandIdInput();
const positionNumber = z.number().int().max(MAX_POSITION_NUMBER);
/** Index -1 is the position before the first entry of a segment. */
const position = z.object({ segment: positionNumber.min(0), index: positionNumber.min(-1) });
/** Databases and encoders treat NUL and lone surrogates differently. The length is checked against its own limit later. */
const text = z
  .string()
  .refine((value) => value.isWellFormed() && !value.includes("\0"), "Not well-formed text")
  .refine((value) => /\S/.test(value), "The text is empty");

export const createChatRouter = ({ chat: { rooms, messages } }: { readonly chat: Chat }) =>
  router({
    rooms: router({
      list: sessionProcedure
        .input(z.object(pageInput).prefault({}))
        .query(({ ctx, input }) => rooms.list(ctx.caller.user.id, input)),
      get: sessionProcedure
        .meta({ reasons: ["not-found"] })
        .input(z.object({ roomId }))
        .query(({ ctx, input }) => rooms.get(ctx.caller.user.id, input.roomId)),
      create: sessionProcedure
        .meta({ reasons: ["not-found", "forbidden", "limit/reached"] })
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
        .mutation(({ ctx, input: { commandId, ...input } }) => rooms.create(sourceOf(ctx, commandId), input)),
      rename: sessionProcedure
        .meta({ reasons: ["not-found", "forbidden"] })
        .input(z.object({ roomId, name, commandId }))
        .mutation(({ ctx, input: { commandId, ...input } }) => rooms.rename(sourceOf(ctx, commandId), input)),
      setRole: sessionProcedure
        .meta({ reasons: ["not-found", "forbidden"] })
        .input(z.object({ roomId, userId, role: z.enum(ROOM_ROLES), commandId }))
        .mutation(({ ctx, input: { commandId, ...input } }) =>
          rooms.setRole(sourceOf(ctx, commandId), input),
        ),
      addMembers: sessionProcedure
        .meta({ reasons: ["not-found", "forbidden", "limit/reached"] })
        .input(z.object({ roomId, memberIds, commandId }))
        .mutation(({ ctx, input: { commandId, ...input } }) =>
          rooms.addMembers(sourceOf(ctx, commandId), input),
        ),
      removeMember: sessionProcedure
        .meta({ reasons: ["not-found", "forbidden"] })
        .input(z.object({ roomId, userId, commandId }))
        .mutation(({ ctx, input: { commandId, ...input } }) =>
          rooms.removeMember(sourceOf(ctx, commandId), input),
        ),
      leave: sessionProcedure
        .meta({ reasons: ["not-found"] })
        .input(z.object({ roomId, commandId }))
        .mutation(({ ctx, input: { commandId, ...input } }) => rooms.leave(sourceOf(ctx, commandId), input)),
      acceptInvitation: sessionProcedure
        .meta({ reasons: ["not-found", "limit/reached"] })
        .input(z.object({ roomId, commandId }))
        .mutation(({ ctx, input: { commandId, ...input } }) =>
          rooms.acceptInvitation(sourceOf(ctx, commandId), input),
        ),
      declineInvitation: sessionProcedure
        .meta({ reasons: ["not-found"] })
        .input(z.object({ roomId, commandId }))
        .mutation(({ ctx, input: { commandId, ...input } }) =>
          rooms.declineInvitation(sourceOf(ctx, commandId), input),
        ),
    }),

    send: sessionProcedure
      .meta({ reasons: ["not-found", "forbidden", "limit/reached", "rate/limited"] })
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
      .meta({ reasons: ["not-found", "forbidden", "conflict", "limit/reached", "rate/limited"] })
      .input(z.object({ roomId, messageId, text, commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) => messages.edit(sourceOf(ctx, commandId), input)),
    remove: sessionProcedure
      .meta({ reasons: ["not-found", "forbidden"] })
      .input(z.object({ roomId, messageId, commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        messages.remove(sourceOf(ctx, commandId), input),
      ),
    react: sessionProcedure
      .meta({ reasons: ["not-found", "forbidden", "conflict", "rate/limited"] })
      .input(
        z.object({
          roomId,
          messageId,
          emoji: z.string().refine(isEmoji, "Not an emoji").nullable(),
          commandId,
        }),
      )
      .mutation(({ ctx, input: { commandId, ...input } }) => messages.react(sourceOf(ctx, commandId), input)),
    markRead: sessionProcedure
      .meta({ reasons: ["not-found"] })
      .input(z.object({ roomId, position, commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        messages.markRead(sourceOf(ctx, commandId), input),
      ),
    history: sessionProcedure
      .meta({ reasons: ["not-found"] })
      .input(
        z.object({
          roomId,
          before: position.nullish().transform((given) => given ?? null),
          limit: pageInput.limit,
        }),
      )
      .query(({ ctx, input }) => messages.history(ctx.caller.user.id, input)),
  });

/** Takes the student from the session, never from the input. */
const sourceOf = ({ caller }: SessionContext, commandId: CommandId | null): CommandSource => ({
  userId: caller.user.id,
  commandId,
});
