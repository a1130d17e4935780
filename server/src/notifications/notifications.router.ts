import type { NotificationId } from "@edvoyage/protocol";
import { z } from "zod";
import { commandIdInput, idInput } from "../inputs/id.ts";
import { pageInput } from "../inputs/page.ts";
import { router, sessionProcedure } from "../http/trpc.ts";
import type { Notifications } from "./notifications.ts";
import type { Preferences } from "./preferences.ts";

const MAX_IDS = 100;
const commandId = commandIdInput();

const pushed = z.boolean().optional();
const kind = z.object({ listed: z.boolean().optional(), pushed }).optional();
const preferencesChange = {
  kinds: z
    .object({
      liked: kind,
      commented: kind,
      followed: kind,
      mentioned: kind,
      added: kind,
      moved: kind,
      message: z.object({ pushed }).optional(),
    })
    .optional(),
  previews: z.boolean().optional(),
};

export const createNotificationsRouter = (deps: {
  readonly notifications: Notifications;
  readonly preferences: Preferences;
}) => {
  const { notifications, preferences } = deps;
  return router({
    recent: sessionProcedure
      .input(z.object(pageInput).prefault({}))
      .query(({ ctx, input }) => notifications.recent(ctx.caller.user.id, input)),
    markRead: sessionProcedure
      .input(
        z.union([
          z.object({ ids: z.array(idInput<NotificationId>()).min(1).max(MAX_IDS), commandId }),
          z.object({ all: z.literal(true), seenUntil: z.number().int().min(0).optional(), commandId }),
        ]),
      )
      .mutation(({ ctx, input: { commandId, ...which } }) =>
        notifications.markRead({ userId: ctx.caller.user.id, commandId }, which),
      ),
    preferences: sessionProcedure.query(({ ctx }) => preferences.get(ctx.caller.user.id)),
    setPreferences: sessionProcedure
      .input(z.object({ ...preferencesChange, commandId }))
      .mutation(({ ctx, input: { commandId, ...change } }) =>
        preferences.set({ userId: ctx.caller.user.id, commandId }, change),
      ),
  });
};
