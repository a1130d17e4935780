import type { CommandId, MessageId, RoomId, UserId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { createMemoryStorage } from "../storage/memory.ts";
import { createRecords, putJson } from "../storage/records.ts";
import type { OutboxEntry } from "./outbox-entry.ts";
import { keysOfAcked, toAcked, type StoredEntry } from "./stored-entry.ts";

const base = { id: "1" as CommandId, lane: "room/one", createdAt: 1 };
const about = { roomId: "one" as RoomId, messageId: "m" as MessageId };
const pending = { state: "pending", isSending: false } as const;
const receipt = { messageId: "m" as MessageId, position: { segment: 0, index: 1 }, at: 1 };

test.each<OutboxEntry>([
  { ...base, ...pending, procedure: "chat.send", input: { roomId: about.roomId, text: "hi", replyTo: null } },
  { ...base, ...pending, procedure: "chat.edit", input: { ...about, text: "hello" } },
  { ...base, ...pending, procedure: "chat.remove", input: about },
  { ...base, ...pending, procedure: "chat.react", input: { ...about, emoji: null } },
])("keeps an answered $procedure as acknowledged if it has a position in the room's log", (entry) => {
  const { id, procedure, input, lane, createdAt } = entry;

  expect(toAcked(entry, receipt)).toEqual({
    id,
    procedure,
    input,
    lane,
    createdAt,
    state: "acked",
    answer: receipt,
  });
  expect(toAcked(entry, { ...receipt, position: null })).toBeUndefined();
  expect(toAcked(entry, undefined)).toBeUndefined();
});

test("keeps no answered command that is not in a room's log", () => {
  const entry: OutboxEntry = {
    ...base,
    ...pending,
    procedure: "contacts.remove",
    input: { userId: "u" as UserId },
  };

  expect(toAcked(entry, receipt)).toBeUndefined();
});

test("finds the keys of acknowledged commands among all records of a store", async () => {
  const records = createRecords(await createMemoryStorage().open("student"), {
    onDamaged: () => expect.fail("damaged"),
  });
  const command = { ...base, procedure: "chat.remove", input: about } as const;
  const stored = (entry: OutboxEntry): StoredEntry => ({ entry, faults: 0 });
  await records.write([
    putJson("outbox/1", stored({ ...command, state: "acked", answer: receipt })),
    putJson("outbox/2", stored({ ...command, ...pending })),
    putJson("session", { id: "s" }),
  ]);

  expect(await keysOfAcked(records)).toEqual(["outbox/1"]);
});
