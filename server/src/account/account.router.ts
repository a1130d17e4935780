import { router, sessionProcedure } from "../http/trpc.ts";
import type { Account } from "./account.ts";

export const createAccountRouter = ({ account }: { readonly account: Account }) =>
  router({
    // Metered as a write, because each export adds a row to the audit log.
    export: sessionProcedure
      .meta({ isMetered: true, reasons: ["not-found", "rate/limited", "storage/full"] })

      .query(({ ctx: { caller } }) => account.export(caller.user.id, `user:${caller.user.id}`)),
    delete: sessionProcedure
      .meta({ reasons: ["session/not-fresh", "not-found"] })
      .mutation(({ ctx: { caller } }) => account.delete(caller)),
  });
