import type { CommandId, UserId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import type { ServerApi } from "../rpc/server-api.ts";
import { createSend } from "./send.ts";

const createScene = () => {
  const calls: unknown[] = [];
  const mutate = async (input: unknown) => {
    calls.push(input);
    return "answer";
  };
  const rpc = { contacts: { remove: { mutate } } } as unknown as ServerApi;
  const edits: unknown[] = [];
  const send = createSend(rpc, async (input) => void edits.push(input));
  return { calls, edits, send };
};

const waiting = {
  id: "1" as CommandId,
  lane: "lane",
  createdAt: 1,
  state: "pending",
  isSending: true,
} as const;

test("calls the command's procedure with its input and id, and returns the answer", async () => {
  const { calls, edits, send } = createScene();
  const input = { userId: "somebody" as UserId };

  expect(await send({ ...waiting, procedure: "contacts.remove", input })).toBe("answer");

  expect(calls).toEqual([{ ...input, commandId: "1" }]);
  expect(edits).toEqual([]);
});

test("hands an edit of the document over instead of calling the server", async () => {
  const { calls, edits, send } = createScene();
  const input = { root: "settings", key: "language", value: null } as const;

  await send({ ...waiting, procedure: "document.edit", input });

  expect(edits).toEqual([input]);
  expect(calls).toEqual([]);
});
