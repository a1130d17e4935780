import { SESSION_IDLE_MS, SESSION_LIFETIME_MS, type SessionId, type UserId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { createMemoryStorage } from "../storage/memory.ts";
import { createRecords } from "../storage/records.ts";
import { createSessionStore, expiryAfterUse, lostSession, secretNameOf } from "./session-store.ts";

const userId = "01990000-0000-7000-8000-000000000001" as UserId;
const student = { id: userId, phone: "+447400123456" };
const session = { id: "s" as SessionId, student, signedInAt: 1, expiresAt: 2 };

test("a session stays under the names that earlier versions gave it", async () => {
  const records = createRecords(await createMemoryStorage().open("student"), {
    onDamaged: () => expect.fail("damaged"),
  });
  const store = createSessionStore({ userId, records, secureStorage: undefined, peers: undefined });

  await store.save(session, "key");

  expect([...(await records.keys(""))].sort()).toEqual(["session", "session-key"]);
  expect(secretNameOf(userId)).toBe(`edvoyage.session.${userId}`);
});

test("the use of a session is stored before it settles", async () => {
  const records = createRecords(await createMemoryStorage().open("student"), {
    onDamaged: () => expect.fail("damaged"),
  });
  const store = createSessionStore({ userId, records, secureStorage: undefined, peers: undefined });
  await store.save(session, "key");
  let isStored = false;

  const touched = store.touch({ ...session, expiresAt: 3 }).then(() => (isStored = true));
  await store.settle();

  expect(isStored).toBe(true);
  await touched;
  expect(await store.session()).toEqual({ ...session, expiresAt: 3 });
});

test("a lost session has ended because there is none", () => {
  expect(lostSession(student)).toEqual({
    id: "",
    student,
    signedInAt: 0,
    expiresAt: 0,
    endedBecause: "session/required",
  });
});

test("a session that is used ends when it is unused for long, or at the end of its lifetime", () => {
  expect(expiryAfterUse(1_000, 2_000)).toBe(2_000 + SESSION_IDLE_MS);
  expect(expiryAfterUse(1_000, SESSION_LIFETIME_MS)).toBe(1_000 + SESSION_LIFETIME_MS);
});
