import type { SessionId, UserId } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { createMemoryStorage, type MemoryStorage } from "../storage/memory.ts";
import { createRecords } from "../storage/records.ts";
import type { SecureStorage } from "../storage/secrets.ts";
import { createSessionStore, type SessionStore, type StoredSession } from "./session-store.ts";

const userId = "01990000-0000-7000-8000-000000000001" as UserId;

const sessionOf = (id: string): StoredSession => ({
  id: id as SessionId,
  student: { id: userId, phone: "+447400123456" },
  signedInAt: 1,
  expiresAt: 2,
});

/** A keychain that answers late, as real ones do. */
const createSlowKeychain = (): SecureStorage => {
  const secrets = new Map<string, string>();
  const answerLate = async <T>(task: () => T): Promise<T> => {
    await new Promise<void>((resolve) => setImmediate(resolve));
    return task();
  };
  return {
    get: (name) => answerLate(() => secrets.get(name)),
    set: (name, value) => answerLate(() => void secrets.set(name, value)),
    delete: (name) => answerLate(() => void secrets.delete(name)),
  };
};

/** Opens the store of one student in two programs. */
const createPrograms = async (secureStorage?: SecureStorage) => {
  const storage = createMemoryStorage();
  const open = async (program: MemoryStorage): Promise<SessionStore> =>
    createSessionStore({
      userId,
      records: createRecords(await program.open("student"), { onDamaged: () => {} }),
      secureStorage,
      peers: program.peers,
    });
  return { one: await open(storage), other: await open(storage.connect()) };
};

describe.each(["beside the data", "in a keychain"])("a session whose key is %s", (where) => {
  const open = () => createPrograms(where === "in a keychain" ? createSlowKeychain() : undefined);

  test("loses its key when it is ended", async () => {
    const { one } = await open();
    await one.save(sessionOf("first"), "key");

    await one.end({ ...sessionOf("first"), endedBecause: "session/expired" });

    expect(await one.session()).toMatchObject({ id: "first", endedBecause: "session/expired" });
    expect(await one.token()).toBeUndefined();
  });

  test("leaves the next session intact, whichever program hears of its end, and when", async () => {
    const { one, other } = await open();
    const ended: StoredSession = { ...sessionOf("first"), endedBecause: "session/revoked" };
    await one.save(sessionOf("first"), "first key");

    await Promise.all([
      one.end(ended),
      other.save(sessionOf("second"), "second key"),
      one.touch(sessionOf("first")),
      other.end(ended),
      one.end(ended),
    ]);

    expect(await one.session()).toEqual(sessionOf("second"));
    expect(await other.token()).toBe("second key");
  });
});

test("a key in the keychain that belongs to another session is not used", async () => {
  const keychain = createSlowKeychain();
  const { one } = await createPrograms(keychain);
  await one.save(sessionOf("first"), "first key");
  const { one: otherDevice } = await createPrograms(keychain);
  await otherDevice.save(sessionOf("second"), "second key");

  expect(await otherDevice.token()).toBe("second key");
  expect(await one.token()).toBeUndefined();
});

test("a key that an earlier version has stored in the keychain is used", async () => {
  const keychain = createSlowKeychain();
  const { one } = await createPrograms(keychain);
  await keychain.set(`edvoyage.session.${userId}`, "key");

  expect(await one.token()).toBe("key");
});
