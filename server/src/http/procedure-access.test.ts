import { initTRPC } from "@trpc/server";
import { expect, test } from "vitest";
import { guardProcedures, listProcedures } from "./procedure-access.ts";
import { adminProcedure, publicProcedure, router, sessionProcedure, type Caller } from "./trpc.ts";
import { AppError } from "../platform/errors.ts";

const UNBOUNDED = { take: () => {} };

test("lists procedures with who may call them, whether they take a token, and their reasons", () => {
  const listed = listProcedures(
    router({
      b: sessionProcedure.meta({ reasons: ["not-found"] }).mutation(() => 1),
      a: router({ c: publicProcedure.query(() => 1) }),
    }),
  );

  expect(listed).toEqual([
    { path: "a.c", type: "query", access: "anyone", inputs: [], isMetered: false, reasons: [] },
    { path: "b", type: "mutation", access: "session", inputs: [], isMetered: true, reasons: ["not-found"] },
  ]);
});

test("throws for a procedure that does not declare who may call it", () => {
  const t = initTRPC.create();
  const undeclared = t.router({ forgotten: t.procedure.query(() => 1) });

  expect(() => listProcedures(undeclared)).toThrow("forgotten");
  expect(() => guardProcedures(undeclared, { writeRate: UNBOUNDED })).toThrow("forgotten");
});

test("lets only the declared callers in, through tRPC's own caller too", async () => {
  const guarded = guardProcedures(
    router({
      forAnyone: publicProcedure.query(() => "in"),
      forStudents: sessionProcedure.query(() => "in"),
      forAdmins: adminProcedure.query(() => "in"),
    }),
    { writeRate: UNBOUNDED },
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

test("takes a token of the write limit before each metered mutation and query of a student, and none otherwise", async () => {
  const taken: string[] = [];
  const ran: string[] = [];
  const runs = (name: string) => () => void ran.push(name);
  const writeRate = {
    take: (userId: string) => {
      if (taken.length === 2) throw new AppError("rate/limited", "Wait.", { retryAfterSeconds: 1 });
      taken.push(userId);
    },
  };
  const guarded = guardProcedures(
    router({
      read: sessionProcedure.query(runs("read")),
      write: sessionProcedure.mutation(runs("write")),
      end: sessionProcedure.meta({ isMetered: false }).mutation(runs("end")),
      export: sessionProcedure.meta({ isMetered: true }).query(runs("export")),
      signIn: publicProcedure.mutation(runs("signIn")),
      moderate: adminProcedure.mutation(runs("moderate")),
    }),
    { writeRate },
  );
  const as = (caller: object) => guarded.createCaller({ caller: caller as unknown as Caller, ip: "" });
  const student = as({ state: "signed-in", user: { id: "u", phone: "+1", createdAt: 0 } });

  for (const call of [student.write, student.export, student.read, student.end, student.signIn]) await call();
  await as({ state: "admin" }).moderate();
  await as({ state: "nobody" }).signIn();
  for (const call of [student.write, student.export])
    await expect(call()).rejects.toMatchObject({ reason: "rate/limited" });
  for (const call of [student.read, student.end]) await call();

  expect(taken).toEqual(["u", "u"]);
  expect(ran).toEqual(["write", "export", "read", "end", "signIn", "moderate", "signIn", "read", "end"]);
});
