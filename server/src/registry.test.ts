import { initTRPC } from "@trpc/server";
import { expect, test } from "vitest";
import { listProcedures } from "./registry.ts";
import { publicProcedure, router, sessionProcedure } from "./trpc.ts";

test("procedures are listed with who may call them", () => {
  const listed = listProcedures(
    router({ b: sessionProcedure.mutation(() => 1), a: router({ c: publicProcedure.query(() => 1) }) }),
  );

  expect(listed).toEqual([
    { path: "a.c", type: "query", access: "anyone" },
    { path: "b", type: "mutation", access: "session" },
  ]);
});

test("a procedure that declares nothing stops the server", () => {
  const t = initTRPC.create();
  const undeclared = t.router({ forgotten: t.procedure.query(() => 1) });

  expect(() => listProcedures(undeclared)).toThrow("forgotten");
});
