import { initTRPC, TRPCError } from "@trpc/server";
import { TRPC_ERROR_CODES_BY_KEY } from "@trpc/server/rpc";
import { AppError, errorToFacts, type Reason } from "./errors.ts";
import type { SignedIn } from "./sessions/sessions.ts";

/** Who may call a procedure. Every procedure declares it; one that does not answers nobody. */
export type Access = "anyone" | "session" | "admin";

/** Who asks, as the key of the request says. */
export type Caller =
  | { readonly state: "nobody" }
  /** The request had a key, and it is not good: procedures for anyone do not mind. */
  | { readonly state: "refused"; readonly error: AppError }
  | ({ readonly state: "signed-in" } & SignedIn)
  | { readonly state: "admin" };

/** What every procedure knows of its request. */
export interface Context {
  readonly caller: Caller;
  /** What limits by address count the request under. */
  readonly ip: string;
}

const t = initTRPC
  .context<Context>()
  .meta<{ readonly access: Access }>()
  .create({
    isDev: false,
    errorFormatter: ({ error, shape, path }) => {
      const { reason, details, httpStatus, code, message } = errorToFacts(error);
      return {
        ...shape,
        message,
        code: TRPC_ERROR_CODES_BY_KEY[code],
        data: { code, httpStatus, ...(path === undefined ? {} : { path }), ...optional(reason), details },
      };
    },
  });

const optional = (reason: Reason | undefined): { readonly reason?: Reason } => (reason ? { reason } : {});

export const router = t.router;

/** For anyone, signed in or not. */
export const publicProcedure = t.procedure.meta({ access: "anyone" });

/** For signed-in students. Throws `session/required`, `session/expired`, `session/revoked`. */
export const sessionProcedure = t.procedure.meta({ access: "session" }).use(({ ctx: { caller }, next }) => {
  if (caller.state === "refused") throw caller.error;
  if (caller.state !== "signed-in") throw new AppError("session/required", "Sign in first.");
  const { session, user } = caller;
  return next({ ctx: { session, user } });
});

/** For whoever holds the admin token. Throws `forbidden`. */
export const adminProcedure = t.procedure.meta({ access: "admin" }).use(({ ctx: { caller }, next }) => {
  if (caller.state !== "admin") throw new AppError("forbidden", "This needs the admin token.");
  return next();
});

/** tRPC's own error, for faults of the transport. */
export { TRPCError };
