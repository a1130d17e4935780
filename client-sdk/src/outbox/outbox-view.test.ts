import type { CommandId, MessageId, UserId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { createSubject } from "../runtime/observable.ts";
import type { OutboxEntry } from "./outbox-entry.ts";
import { createOutboxView } from "./outbox-view.ts";

const entry = (id: string, state: OutboxEntry["state"]): OutboxEntry => {
  const command = {
    id: id as CommandId,
    procedure: "contacts.remove",
    input: { userId: "somebody" as UserId },
    lane: "contacts",
    createdAt: 1,
  } as const;
  if (state === "pending") return { ...command, state, isSending: false };
  if (state === "failed") return { ...command, state, reason: "conflict", message: "No.", details: {} };
  return {
    ...command,
    state,
    answer: { messageId: "message" as MessageId, position: { segment: 0, index: 1 }, at: 1 },
  };
};

const createScene = () => {
  const entries = createSubject<readonly OutboxEntry[]>([]);
  const calls: string[] = [];
  const view = createOutboxView({
    entries,
    settled: async (id) => `answer to ${id}`,
    retry: async (id) => void calls.push(`retry ${id}`),
    discard: async (id) => void calls.push(`discard ${id}`),
  });
  return { entries, calls, view };
};

test("lists pending and failed commands in their order, without acknowledged ones", () => {
  const { entries, view } = createScene();
  entries.set([entry("1", "failed"), entry("2", "acked"), entry("3", "pending")]);

  expect(view.list().map(({ id }) => id)).toEqual(["1", "3"]);
  expect(view.list()).toBe(view.list());
});

test("tells a listener of each change with the list, until it unsubscribes", () => {
  const { entries, view } = createScene();
  const heard: string[][] = [];
  const unsubscribe = view.onChange((list) => heard.push(list.map(({ id }) => id)));

  entries.set([entry("1", "pending"), entry("2", "acked")]);
  unsubscribe();
  entries.set([]);

  expect(heard).toEqual([["1"]]);
});

test("retries and discards the command of an id", async () => {
  const { calls, view } = createScene();

  await view.retry("1");
  await view.discard("2");

  expect(calls).toEqual(["retry 1", "discard 2"]);
});
