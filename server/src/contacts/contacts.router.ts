import { MAX_NICKNAME_CHARACTERS, type ContactId, type UserId } from "@edvoyage/protocol";
import { z } from "zod";
import { commandIdInput, idInput } from "../inputs/id.ts";
import { pageInput } from "../inputs/page.ts";
import { lineInput } from "../inputs/text.ts";
import { router, sessionProcedure } from "../http/trpc.ts";
import type { Contacts } from "./contacts.ts";

const userId = idInput<UserId>();
/** The id of an entry or of a student. */
const entryId = idInput<ContactId>();
const nickname = lineInput(MAX_NICKNAME_CHARACTERS).nullish();
const commandId = commandIdInput();

export const createContactsRouter = ({ contacts }: { readonly contacts: Contacts }) =>
  router({
    list: sessionProcedure
      .input(z.object(pageInput).prefault({}))
      .query(({ ctx, input }) => contacts.list(ctx.caller.user.id, input)),
    add: sessionProcedure
      .meta({ reasons: ["phone/invalid", "not-found", "limit/reached", "rate/limited"] })
      .input(
        z.union([
          z.object({ userId, phone: z.undefined().optional(), nickname, commandId }),
          z.object({ phone: z.string(), userId: z.undefined().optional(), nickname, commandId }),
        ]),
      )
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        contacts.add({ userId: ctx.caller.user.id, commandId }, input),
      ),
    update: sessionProcedure
      .meta({ reasons: ["not-found", "conflict"] })
      .input(
        z.object({
          userId: entryId,
          nickname,
          favourite: z.boolean().optional(),
          blocked: z.boolean().optional(),
          commandId,
        }),
      )
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        contacts.update({ userId: ctx.caller.user.id, commandId }, input),
      ),
    remove: sessionProcedure
      .meta({ reasons: ["not-found"] })
      .input(z.object({ userId: entryId, commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        contacts.remove({ userId: ctx.caller.user.id, commandId }, input),
      ),
  });
