import { expect, expectTypeOf, test } from "vitest";
import type { Reason } from "@edvoyage/server";
import type { MutationPath, ServerCalls } from "./calls.ts";
import type { ServerReason } from "./errors.ts";
import type { QueuedProcedure } from "./outbox/outbox-entry.ts";
import { createRpcClient } from "./rpc.ts";

// What these say is checked by the compiler.
test("the server's router has all that the SDK asks of it", () => {
  const calls: ServerCalls = createRpcClient({ url: "http://127.0.0.1" });

  expect(calls).toBeDefined();
});

test("what may wait in the outbox is a procedure of the server, but for edits of the document", () => {
  expectTypeOf<Exclude<QueuedProcedure, MutationPath>>().toEqualTypeOf<"document.edit">();
});

test("the SDK knows every reason of the server, and no other", () => {
  expectTypeOf<ServerReason>().toEqualTypeOf<Reason>();
});
