import {
  getTRPCErrorFromUnknown,
  type AnyTRPCRouter,
  type TRPCError,
  type TRPCProcedureType,
} from "@trpc/server";
import { AppError } from "../platform/errors.ts";
import type { StudentRateLimit } from "../limits/student-rate-limit.ts";
import type { Access, Caller, Context, Meta } from "./trpc.ts";

/** A procedure and who may call it. */
export interface ProcedureEntry {
  readonly path: string;
  readonly type: TRPCProcedureType;
  readonly access: Access;
  /** What its input must look like: schemas of zod, all of which must hold. */
  readonly inputs: readonly unknown[];
}

/**
 * Every procedure of a router, in order of path. Throws for one that does not say who may call it, so
 * that a server with a forgotten declaration never starts.
 */
export const listProcedures = (router: AnyTRPCRouter): ProcedureEntry[] =>
  Object.entries(proceduresOf(router))
    .map(([path, { _def }]) => ({
      path,
      type: _def.type,
      access: accessOf(path, _def),
      inputs: _def.inputs,
    }))
    .sort((one, other) => (one.path < other.path ? -1 : 1));

/**
 * Puts before every procedure of a router the check that its declaration asks for and the rate at which a student may write,
 * whoever calls it and through which adapter, and runs its middlewares without tRPC's own loop: that copies the call's options
 * property by property four times, a third of what validating a session costs. Throws for a procedure
 * that declares nothing.
 */
export const guardProcedures = <Router extends AnyTRPCRouter>(
  router: Router,
  { writeRate }: { readonly writeRate: StudentRateLimit },
): Router => {
  const procedures = proceduresOf(router);
  for (const [path, procedure] of Object.entries(procedures)) {
    const access = accessOf(path, procedure._def);
    const { type, meta } = procedure._def;
    const isMetered = meta?.isMetered ?? type === "mutation";
    const guarded = async (call: Call): Promise<unknown> => {
      const { caller } = call.ctx;
      authorize(access, caller);
      if (isMetered && access === "session" && caller.state === "signed-in") writeRate.take(caller.user.id);
      const result = await runMiddlewares(procedure._def, call);
      if (!result.ok) throw result.error;
      return result.data;
    };
    procedures[path] = Object.assign(guarded, procedure);
  }
  return router;
};

/** Throws `session/required`, `session/expired`, `session/revoked` or `forbidden` for who may not. */
const authorize = (access: Access, caller: Caller): void => {
  switch (access) {
    case "anyone":
      return;
    case "session":
      if (caller.state === "refused") throw caller.error;
      if (caller.state !== "signed-in") throw new AppError("session/required", "Sign in first.");
      return;
    case "admin":
      if (caller.state !== "admin") throw new AppError("forbidden", "This needs the admin token.");
  }
};

/** The middlewares of a procedure, the parsing of its input among them; the last runs its resolver. */
const runMiddlewares = ({ middlewares, meta }: Definition, call: Call): Promise<MiddlewareResult> => {
  const step = async (index: number, { ctx, input, getRawInput }: Passed): Promise<MiddlewareResult> => {
    const middleware = middlewares[index];
    if (!middleware) throw new Error("The last middleware of a procedure asked for another");
    const next = (passed: Partial<Passed> = {}): Promise<MiddlewareResult> =>
      step(index + 1, {
        ctx: passed.ctx ? { ...ctx, ...passed.ctx } : ctx,
        input: "input" in passed ? passed.input : input,
        getRawInput: passed.getRawInput ?? getRawInput,
      });
    try {
      const { path, type, signal, batchIndex } = call;
      return await middleware({ path, type, signal, batchIndex, ctx, input, getRawInput, meta, next });
    } catch (cause) {
      return { ok: false, error: getTRPCErrorFromUnknown(cause) };
    }
  };
  return step(0, { ctx: call.ctx, input: undefined, getRawInput: call.getRawInput });
};

/** What one middleware hands to the next. */
interface Passed {
  readonly ctx: Context;
  readonly input: unknown;
  readonly getRawInput: () => Promise<unknown>;
}

/** What tRPC's adapters and callers hand to a procedure. */
interface Call extends CallFacts {
  readonly ctx: Context;
  readonly getRawInput: () => Promise<unknown>;
}

interface CallFacts {
  readonly path: string;
  readonly type: TRPCProcedureType;
  readonly signal: AbortSignal | undefined;
  readonly batchIndex: number;
}

type MiddlewareResult =
  | { readonly ok: true; readonly data: unknown }
  | { readonly ok: false; readonly error: TRPCError };

type Middleware = (
  options: Passed &
    CallFacts & {
      readonly meta: unknown;
      readonly next: (passed?: Partial<Passed>) => Promise<MiddlewareResult>;
    },
) => Promise<MiddlewareResult>;

interface Definition {
  readonly type: TRPCProcedureType;
  readonly meta?: Partial<Meta>;
  readonly inputs: readonly unknown[];
  readonly middlewares: readonly Middleware[];
}

type Procedure = ((call: Call) => unknown) & { readonly _def: Definition };

const proceduresOf = (router: AnyTRPCRouter) => router._def.procedures as Record<string, Procedure>;

const accessOf = (path: string, { meta }: Definition): Access => {
  if (!meta?.access) throw new Error(`The procedure ${path} does not declare who may call it`);
  return meta.access;
};
