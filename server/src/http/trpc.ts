import type { Reason } from "@edvoyage/protocol";
import { initTRPC } from "@trpc/server";
import { TRPC_ERROR_CODES_BY_KEY } from "@trpc/server/rpc";
import { errorToFacts, type AppError } from "../platform/errors.ts";
import type { SignedIn } from "../sessions/sessions.ts";

/** Who may call a procedure. Every procedure declares it; one that does not answers nobody. */
export type Access = "anyone" | "session" | "admin";

/** What a procedure declares of itself. */
export interface Meta {
  readonly access: Access;
  /**
   * Whether each call by a student takes a token of the rate at which a student may write. Default: mutations do, queries do
   * not.
   */
  readonly isMetered?: boolean;
}

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
  .meta<Meta>()
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

/** A request whose key is good. */
export type SessionContext = Context & { readonly caller: Extract<Caller, { state: "signed-in" }> };

// Never run: its type tells resolvers what `guardProcedures` has made sure of before they run.
const narrowedProcedure = () => t.procedure.use(({ ctx, next }) => next({ ctx: ctx as SessionContext }));

/** For signed-in students; `ctx.caller` has the user and the session. */
export const sessionProcedure = t.procedure.meta({ access: "session" }) as unknown as ReturnType<
  typeof narrowedProcedure
>;

/** For whoever holds the admin token. */
export const adminProcedure = t.procedure.meta({ access: "admin" });
