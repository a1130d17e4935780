import { answerSchemas, type IsSame } from "@edvoyage/protocol/answer-schemas";
import type { AppRouter } from "@edvoyage/server";
import { expect, test } from "vitest";
import type { z } from "zod";
import { createWorld } from "../support/servers/world.ts";

type Path = keyof typeof answerSchemas;

/** The type that the procedure at a path such as `chat.rooms.get` returns; `undefined` if there is none. */
type Returned<Tree, Steps extends string> = Steps extends `${infer First}.${infer Rest}`
  ? First extends keyof Tree
    ? Returned<Tree[First], Rest>
    : undefined
  : Steps extends keyof Tree
    ? Tree[Steps] extends { readonly _def: { readonly $types: { readonly output: infer Output } } }
      ? Output
      : undefined
    : undefined;

/** The paths whose schema gives another type than the procedure returns. */
type Mismatched = {
  [Each in Path]: IsSame<
    z.output<(typeof answerSchemas)[Each]>,
    Returned<AppRouter["_def"]["record"], Each>
  > extends true
    ? never
    : Each;
}[Path];

test("every procedure has a schema of its answer, and every schema a procedure that returns exactly its type", async () => {
  const { server } = await createWorld();
  // Does not compile when a schema and its procedure differ: the error names the path as a missing property.
  const mismatched: Readonly<Record<Mismatched, true>> = {};

  expect(mismatched).toEqual({});
  expect(Object.keys(answerSchemas).sort()).toEqual(server.procedures.map(({ path }) => path));
});
