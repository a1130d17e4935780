import { expect, expectTypeOf, test } from "vitest";
import type { MutationPath, ServerApi } from "./server-api.ts";
import type { QueuedProcedure } from "./queued-inputs.ts";
import { createRpcClient, type RpcClient } from "../rpc.ts";

// The compiler checks these tests.
test("the server's router has every procedure that the SDK calls", () => {
  const calls: ServerApi = createRpcClient({ url: "http://127.0.0.1" });

  expect(calls).toBeDefined();
});

test("every command in the outbox is a procedure of the server, except edits of the document", () => {
  expectTypeOf<Exclude<QueuedProcedure, MutationPath>>().toEqualTypeOf<"document.edit">();
});

/** The names of procedures that may answer without data; `never` when there are none. */
type WithoutData<Calls> = {
  readonly [Name in keyof Calls & string]: Calls[Name] extends
    | { readonly query: (...input: never) => Promise<infer Answer> }
    | { readonly mutate: (...input: never) => Promise<infer Answer> }
    ? undefined extends Answer
      ? Name
      : never
    : WithoutData<Calls[Name]>;
}[keyof Calls & string];

test("every procedure answers with data, because an answer without data counts as a proxy's", () => {
  expectTypeOf<
    WithoutData<{ readonly a: { readonly b: { mutate(): Promise<void> } } }>
  >().toEqualTypeOf<"b">();
  expectTypeOf<WithoutData<RpcClient>>().toEqualTypeOf<never>();
});
