import { initTRPC } from "@trpc/server";
import { expect, test } from "vitest";
import { guardProcedures, listProcedures } from "./registry.ts";
import { adminProcedure, publicProcedure, router, sessionProcedure, type Caller } from "./trpc.ts";
import { AppError } from "./errors.ts";

test("procedures are listed with who may call them", () => {
  const listed = listProcedures(
    router({ b: sessionProcedure.mutation(() => 1), a: router({ c: publicProcedure.query(() => 1) }) }),
  );

  expect(listed).toEqual([
    { path: "a.c", type: "query", access: "anyone", inputs: [] },
    { path: "b", type: "mutation", access: "session", inputs: [] },
  ]);
});

test("a procedure that declares nothing stops the server", () => {
  const t = initTRPC.create();
  const undeclared = t.router({ forgotten: t.procedure.query(() => 1) });

  expect(() => listProcedures(undeclared)).toThrow("forgotten");
  expect(() => guardProcedures(undeclared)).toThrow("forgotten");
});

test("each declaration lets those in that it names, through tRPC's own caller too", async () => {
  const guarded = guardProcedures(
    router({
      forAnyone: publicProcedure.query(() => "in"),
      forStudents: sessionProcedure.query(() => "in"),
      forAdmins: adminProcedure.query(() => "in"),
    }),
  );
  const error = new AppError("session/expired", "Over.");
  const user = { id: "u", phone: "+1", createdAt: 0 };
  const callers = {
    nobody: { state: "nobody" },
    late: { state: "refused", error },
    student: { state: "signed-in", user },
    admin: { state: "admin" },
  };

  const outcomes: Record<string, string[]> = {};
  for (const [name, caller] of Object.entries(callers)) {
    const calls = guarded.createCaller({ caller: caller as unknown as Caller, ip: "" });
    outcomes[name] = await Promise.all(
      [calls.forAnyone(), calls.forStudents(), calls.forAdmins()].map((call) =>
        call.catch((refusal: unknown) => (refusal instanceof AppError ? refusal.reason : "bug")),
      ),
    );
  }

  expect(outcomes).toEqual({
    nobody: ["in", "session/required", "forbidden"],
    late: ["in", "session/expired", "forbidden"],
    student: ["in", "in", "forbidden"],
    admin: ["in", "session/required", "in"],
  });
});
