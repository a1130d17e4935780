import type { Reason } from "@edvoyage/protocol";
import { initTRPC } from "@trpc/server";
import { TRPC_ERROR_CODES_BY_KEY } from "@trpc/server/rpc";
import { errorToFacts, type AppError } from "../platform/errors.ts";
import type { SignedIn } from "../sessions/sessions.ts";

/** Who may call a procedure. The server does not start with a procedure that does not declare it. */
export type Access = "anyone" | "session" | "admin";

/** The declaration of a procedure. A later declaration of the same procedure replaces only the fields that it has. */
export interface Meta {
  /** Who may call it. Every procedure declares it, most through one of the three procedures below. */
  readonly access?: Access;
  /**
   * Whether each call takes a token from the student's write rate limit. Default: true for mutations, false for queries.
   */
  readonly isMetered?: boolean;
  /**
   * The reasons for which this procedure itself refuses a call, in the order of `REASON_STATUSES`. The reasons that every
   * procedure of its kind has are in `commonReasons`. Default: none.
   */
  readonly reasons?: readonly Reason[];
}

/** The caller of a request, according to its key. */
export type Caller =
  | { readonly state: "nobody" }
  /** The request's key is not valid. Procedures for anyone still answer. */
  | { readonly state: "refused"; readonly error: AppError }
  | ({ readonly state: "signed-in" } & SignedIn)
  | { readonly state: "admin" };

/** The request, as every procedure sees it. */
export interface Context {
  readonly caller: Caller;
  /** The key under which address limits count the request: see `addressToLimitKey`. */
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

/** A procedure for anyone, signed in or not. */
export const publicProcedure = t.procedure.meta({ access: "anyone" });

/** The context of a request with a valid session key. */
export type SessionContext = Context & { readonly caller: Extract<Caller, { state: "signed-in" }> };

// Never runs. Its type tells resolvers that the caller is signed in, which `guardProcedures` checks before they run.
const narrowedProcedure = () => t.procedure.use(({ ctx, next }) => next({ ctx: ctx as SessionContext }));

/** A procedure for signed-in students. `ctx.caller` holds the user and the session. */
export const sessionProcedure = t.procedure.meta({ access: "session" }) as unknown as ReturnType<
  typeof narrowedProcedure
>;

/** A procedure for holders of the admin token. */
export const adminProcedure = t.procedure.meta({ access: "admin" });
