import type { AnyTRPCRouter, TRPCProcedureType } from "@trpc/server";
import { AppError } from "./errors.ts";
import type { Access, Caller, Context } from "./trpc.ts";

/** A procedure and who may call it. */
export interface ProcedureEntry {
  readonly path: string;
  readonly type: TRPCProcedureType;
  readonly access: Access;
}

/**
 * Every procedure of a router, in order of path. Throws for one that does not say who may call it, so
 * that a server with a forgotten declaration never starts.
 */
export const listProcedures = (router: AnyTRPCRouter): ProcedureEntry[] =>
  Object.entries(proceduresOf(router))
    .map(([path, { _def }]) => ({ path, type: _def.type, access: accessOf(path, _def) }))
    .sort((one, other) => (one.path < other.path ? -1 : 1));

/**
 * Puts before every procedure of a router the check that its declaration asks for, whoever calls it and
 * through which adapter. Not a middleware: each of tRPC's copies the call's options several times, a
 * sixth of all that validating a session costs. Throws for a procedure that declares nothing.
 */
export const guardProcedures = <Router extends AnyTRPCRouter>(router: Router): Router => {
  const procedures = proceduresOf(router);
  for (const [path, procedure] of Object.entries(procedures)) {
    const access = accessOf(path, procedure._def);
    const guarded = (call: Call): unknown => {
      authorize(access, call.ctx.caller);
      return procedure(call);
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

interface Call {
  readonly ctx: Context;
}

interface Definition {
  readonly type: TRPCProcedureType;
  readonly meta?: { readonly access?: Access };
}

type Procedure = ((call: Call) => unknown) & { readonly _def: Definition };

const proceduresOf = (router: AnyTRPCRouter) => router._def.procedures as Record<string, Procedure>;

const accessOf = (path: string, { meta }: Definition): Access => {
  if (!meta?.access) throw new Error(`The procedure ${path} does not declare who may call it`);
  return meta.access;
};
