import { z } from "zod";
import { pageInput } from "../inputs/page.ts";
import { router, sessionProcedure } from "../http/trpc.ts";
import type { Inbox } from "./inbox.ts";

export const createInboxRouter = ({ inbox }: { readonly inbox: Inbox }) =>
  router({
    changes: sessionProcedure
      .input(
        z
          .object({
            since: z.number().int().min(0).nullish(),
            cursor: pageInput.cursor,
            limit: z.number().int().min(1).max(100).nullish(),
          })
          .prefault({}),
      )
      .query(({ ctx, input }) => inbox.changes(ctx.caller.user.id, input)),
  });
