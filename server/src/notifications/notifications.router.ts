import type { NotificationId } from "@edvoyage/protocol";
import { z } from "zod";
import { commandIdInput, idInput } from "../id-input.ts";
import { pageInput } from "../paging.ts";
import { router, sessionProcedure } from "../trpc.ts";
import type { Notifications } from "./notifications.ts";

const MAX_IDS = 100;
const commandId = commandIdInput();

export const createNotificationsRouter = (deps: { readonly notifications: Notifications }) => {
  const { notifications } = deps;
  return router({
    recent: sessionProcedure
      .input(z.object(pageInput).prefault({}))
      .query(({ ctx, input }) => notifications.recent(ctx.caller.user.id, input)),
    markRead: sessionProcedure
      .input(
        z.union([
          z.object({ ids: z.array(idInput<NotificationId>()).min(1).max(MAX_IDS), commandId }),
          z.object({ all: z.literal(true), commandId }),
        ]),
      )
      .mutation(({ ctx, input: { commandId, ...which } }) =>
        notifications.markRead({ userId: ctx.caller.user.id, commandId }, which),
      ),
  });
};
