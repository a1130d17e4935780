import type { CommandId, MessageId, RoomId, UserId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import type { StoredEntry } from "../outbox/stored-entry.ts";
import type { Problem } from "../runtime/problem.ts";
import { createMemoryStorage } from "../storage/memory.ts";
import { createRecords, putJson } from "../storage/records.ts";
import { StorageError, type StorageAdapter } from "../storage/storage.ts";
import { wipeStudent } from "./wipe.ts";

const userId = "01990000-0000-7000-8000-000000000001" as UserId;
const STORE = `student-${userId}`;

const command = {
  id: "c" as CommandId,
  procedure: "chat.remove",
  input: { roomId: "r" as RoomId, messageId: "m" as MessageId },
  lane: "room",
  createdAt: 1,
} as const;
const waiting: StoredEntry = { entry: { ...command, state: "pending", isSending: false }, faults: 0 };
const answer = { messageId: "m" as MessageId, position: { segment: 0, index: 1 }, at: 1 };
const acked: StoredEntry = { entry: { ...command, state: "acked", answer }, faults: 0 };

/** A student's store with these records, and what a wipe leaves of it. */
const createScene = async (content: Readonly<Record<string, unknown>>) => {
  const storage = createMemoryStorage();
  const records = createRecords(await storage.open(STORE), { onDamaged: () => {} });
  await records.write(Object.entries(content).map(([key, value]) => putJson(key, value)));
  await records.close();
  const deleted: string[] = [];
  const reports: Problem[] = [];
  const secureStorage = {
    get: async () => undefined,
    set: async () => {},
    delete: async (name: string) => void deleted.push(name),
  };
  return {
    storage,
    deleted,
    reports,
    wipe: (keepsUnsent: boolean, through: StorageAdapter = storage) =>
      wipeStudent(
        { userId, keepsUnsent },
        { storage: through, secureStorage, report: (problem) => void reports.push(problem) },
      ),
    left: async () => {
      if (!(await storage.list()).includes(STORE)) return undefined;
      const store = await storage.open(STORE);
      const keys = await store.keys("");
      await store.close();
      return [...keys];
    },
  };
};

test("deletes a student's store and key, also what was not sent", async () => {
  const { wipe, left, deleted } = await createScene({ session: 1, "outbox/1": waiting });

  await wipe(false);

  expect(await left()).toBeUndefined();
  expect(deleted).toEqual([`edvoyage.session.${userId}`]);
});

test("keeps what was not sent, and nothing else", async () => {
  const { wipe, left, deleted } = await createScene({
    session: 1,
    "view/a": 1,
    "outbox/1": waiting,
    "outbox/2": acked,
    "edit/1": 1,
    "lost/1": 1,
  });

  await wipe(true);

  expect((await left())?.sort()).toEqual(["edit/1", "lost/1", "outbox/1"]);
  expect(deleted).toHaveLength(1);
});

test.each(["outbox/1", "edit/1", "lost/1"])("keeps the store for %s alone", async (key) => {
  const { wipe, left } = await createScene({ [key]: waiting });

  await wipe(true);

  expect(await left()).toEqual([key]);
});

test("deletes a store in which everything was sent", async () => {
  const { wipe, left } = await createScene({ session: 1, "outbox/2": acked, "view/lost/1": 1 });

  await wipe(true);

  expect(await left()).toBeUndefined();
});

test("closes the store that it has opened, and needs no keychain", async () => {
  const { storage } = await createScene({ "outbox/1": waiting });
  let closed = 0;
  const open: StorageAdapter["open"] = async (name) => {
    const store = await storage.open(name);
    return { ...store, close: async () => void (closed += 1) };
  };

  const through = { ...storage, open };
  await wipeStudent(
    { userId, keepsUnsent: true },
    { storage: through, secureStorage: undefined, report: () => expect.fail("reported") },
  );

  expect(closed).toBe(1);
});

test("a wipe is no error when another program has deleted the store in the meantime", async () => {
  const { wipe, storage, deleted } = await createScene({ session: 1 });
  const open: StorageAdapter["open"] = async (name) => {
    const store = await storage.open(name);
    await storage.delete(name);
    return store;
  };

  await wipe(true, { ...storage, open });

  expect(deleted).toHaveLength(1);
});

test("fails when the store cannot be deleted, and then keeps the key", async () => {
  const { wipe, storage, deleted } = await createScene({ session: 1 });

  const failing = { ...storage, delete: () => Promise.reject(new StorageError("failed", "No")) };
  await expect(wipe(false, failing)).rejects.toMatchObject({ kind: "failed" });
  const broken = { ...storage, delete: () => Promise.reject(new Error("bug")) };
  await expect(wipe(false, broken)).rejects.toThrow("bug");

  expect(deleted).toEqual([]);
});
