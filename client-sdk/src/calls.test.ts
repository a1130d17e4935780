import { expect, expectTypeOf, test } from "vitest";
import type { Reason } from "@edvoyage/server";
import type { ServerCalls } from "./calls.ts";
import type { ServerReason } from "./errors.ts";
import { createRpcClient } from "./rpc.ts";

// What these say is checked by the compiler.
test("the server's router has all that the SDK asks of it", () => {
  const calls: ServerCalls = createRpcClient({ url: "http://127.0.0.1" });

  expect(calls).toBeDefined();
});

test("the SDK knows every reason of the server, and no other", () => {
  expectTypeOf<ServerReason>().toEqualTypeOf<Reason>();
});
