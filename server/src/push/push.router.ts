import { PLATFORMS } from "@edvoyage/protocol";
import { z } from "zod";
import { router, sessionProcedure } from "../http/trpc.ts";
import type { PushTokens } from "./tokens.ts";

const MAX_TOKEN_CHARACTERS = 4_096;
const token = z
  .string()
  .max(MAX_TOKEN_CHARACTERS)
  .regex(/^[\x21-\x7e]+$/, "Not a token");
const platform = z.enum(PLATFORMS).optional();

/** Registers and unregisters push tokens. Both procedures are idempotent, so they need no command id. */
export const createPushRouter = ({ pushTokens }: { readonly pushTokens: PushTokens }) =>
  router({
    register: sessionProcedure
      .input(
        z.discriminatedUnion("provider", [
          z.object({
            provider: z.literal("expo"),
            // The same check as in Expo's own SDK: https://docs.expo.dev/push-notifications/sending-notifications/
            token: token.regex(/^Expo(nent)?PushToken\[[^[\]]+\]$/, "Not an Expo token"),
            platform,
          }),
          z.object({ provider: z.literal("fcm"), token, platform }),
        ]),
      )
      .mutation(({ ctx, input }) => pushTokens.register(ctx.caller, input)),
    unregister: sessionProcedure
      .input(z.object({ token }))
      .mutation(({ ctx, input }) => pushTokens.unregister(ctx.caller.user.id, input.token)),
  });
