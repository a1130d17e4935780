import type { AnyTRPCRouter, TRPCProcedureType } from "@trpc/server";
import type { Access } from "./trpc.ts";

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
  Object.entries(router._def.procedures as Readonly<Record<string, Declared>>)
    .map(
      ([
        path,
        {
          _def: { type, meta },
        },
      ]) => {
        if (!meta?.access) throw new Error(`The procedure ${path} does not declare who may call it`);
        return { path, type, access: meta.access };
      },
    )
    .sort((one, other) => (one.path < other.path ? -1 : 1));

interface Declared {
  readonly _def: { readonly type: TRPCProcedureType; readonly meta?: { readonly access?: Access } };
}
