import type { UserId } from "@edvoyage/protocol";
import { expect, onTestFinished, test } from "vitest";
import { contacts } from "../contacts/contacts.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import { createSubject } from "../runtime/observable.ts";
import { createMemoryStorage } from "../storage/memory.ts";
import { openRecords } from "../storage/open-records.ts";
import { createReads } from "./reads.ts";

test("an answered command whose values cannot be stored fails once, and leaves no failure unhandled", async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", note);
  onTestFinished(() => void process.off("unhandledRejection", note));
  const storage = createMemoryStorage();
  const contact = { id: "c", userId: "bo", phone: null, name: "Bo", nickname: null, favourite: false };
  const reads = createReads({
    records: await openRecords("student", { storage, report: () => {} }),
    clock: { now: () => 0, after: () => () => {} },
    ask: async () => ({ items: [{ ...contact, blocked: false }], nextCursor: null }),
    onNotKept: () => {},
    own: {
      userId: "ada" as UserId,
      inArea: () => createSubject<readonly OutboxEntry[]>([]),
      projections: contacts.projections ?? {},
    },
  });
  await reads.read({ procedure: "contacts.list", input: {}, count: 20 });
  await storage.connect().delete("student");

  const entry = {
    id: "command",
    procedure: "contacts.update",
    input: { userId: "bo", nickname: "B" },
    state: "pending",
  } as unknown as OutboxEntry;
  await expect(reads.settled({ entry, answer: { id: "c" } })).rejects.toMatchObject({ kind: "closed" });
  await new Promise((resolve) => setImmediate(resolve));

  expect(unhandled).toEqual([]);
});
