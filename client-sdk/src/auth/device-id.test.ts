import { describe, expect, test } from "vitest";
import { createMemoryStorage } from "../storage/memory.ts";
import { createRecords, putJson } from "../storage/records.ts";
import { createDeviceId } from "./device-id.ts";

const KEY = "edvoyage.session.student";
const OLD_ID = "0".repeat(32);

/** The data and the keychain of a device. `earlierId` was stored by an earlier version of the app. */
const createScene = async ({
  earlierId,
  keychain = new Map<string, string>(),
  isSignedIn = true,
}: { earlierId?: string; keychain?: Map<string, string> | null; isSignedIn?: boolean } = {}) => {
  const storage = createMemoryStorage();
  const records = createRecords(await storage.open("device"), { onDamaged: () => {} });
  if (earlierId !== undefined) await records.write([putJson("device", earlierId)]);
  const lock = { readsAreLocked: false, writesAreLocked: false };
  let created = 0;
  const start = () =>
    createDeviceId({
      records,
      secureStorage: keychain
        ? {
            get: async (name) => {
              if (lock.readsAreLocked) throw new Error("User interaction is not allowed");
              return keychain.get(name);
            },
            set: async (name, value) => {
              if (lock.writesAreLocked) throw new Error("User interaction is not allowed");
              keychain.set(name, value);
            },
            delete: async (name) => void keychain.delete(name),
          }
        : undefined,
      peers: storage.connect().peers,
      randomBytes: (length) => new Uint8Array(length).fill((created += 1)),
      keyName: async () => (isSignedIn ? KEY : undefined),
    });
  return { records, keychain, lock, start, created: () => created };
};

test("without a keychain the id is stored with the data, and stays the same", async () => {
  const { records, start, created } = await createScene({ keychain: null });

  const id = await start()();

  expect(id).toBe("01".repeat(16));
  expect(await start()()).toBe(id);
  expect(await records.getJson("device")).toBe(id);
  expect(created()).toBe(1);
});

test("the id is stored in the keychain alone where there is one, once for calls at the same time", async () => {
  const { records, keychain, start, created } = await createScene();
  const deviceId = start();

  const ids = await Promise.all([deviceId(), deviceId()]);

  expect(new Set(ids).size).toBe(1);
  expect(created()).toBe(1);
  expect(keychain?.get("edvoyage.device")).toBe(ids[0]);
  expect(await start()()).toBe(ids[0]);
  expect(await records.keys("")).toEqual([]);
});

test("two tabs that start at once have one id", async () => {
  const { start, created } = await createScene({ keychain: null });

  const ids = await Promise.all([start()(), start()()]);

  expect(new Set(ids).size).toBe(1);
  expect(created()).toBe(1);
});

describe("an id that an earlier version has stored with the data", () => {
  test("moves to the keychain if the session's key is there", async () => {
    const { records, keychain, start, created } = await createScene({
      earlierId: OLD_ID,
      keychain: new Map([[KEY, "key"]]),
    });

    expect(await start()()).toBe(OLD_ID);

    expect(keychain?.get("edvoyage.device")).toBe(OLD_ID);
    expect(await records.keys("")).toEqual([]);
    expect(await start()()).toBe(OLD_ID);
    expect(created()).toBe(0);
  });

  test.each([
    ["the session's key is not there: the data comes from another device", { isSignedIn: true }],
    ["nobody is signed in: nothing tells whose it is", { isSignedIn: false }],
  ])("gives way to a new one if %s", async (_why, { isSignedIn }) => {
    const { records, keychain, start } = await createScene({ earlierId: OLD_ID, isSignedIn });

    const id = await start()();

    expect(id).toBe("01".repeat(16));
    expect(keychain?.get("edvoyage.device")).toBe(id);
    expect(await records.keys("")).toEqual([]);
  });

  test("yields to an id that is in the keychain", async () => {
    const { records, start } = await createScene({
      earlierId: OLD_ID,
      keychain: new Map([
        [KEY, "key"],
        ["edvoyage.device", "own"],
      ]),
    });

    expect(await start()()).toBe("own");
    expect(await records.keys("")).toEqual([]);
  });
});

describe("a keychain that is locked for a moment", () => {
  test.each(["readsAreLocked", "writesAreLocked"] as const)(
    "makes no new id while %s, and the same one works afterwards",
    async (which) => {
      const { records, lock, start } = await createScene({
        earlierId: OLD_ID,
        keychain: new Map([[KEY, "key"]]),
      });
      const deviceId = start();
      lock[which] = true;

      await expect(deviceId()).rejects.toMatchObject({ reason: "device/failed" });
      await expect(start()()).rejects.toMatchObject({ reason: "device/failed" });
      expect(await records.getJson("device")).toBe(OLD_ID);
      lock[which] = false;

      expect(await deviceId()).toBe(OLD_ID);
    },
  );

  test("makes no new id either on a device whose id it already has", async () => {
    const { lock, start, created } = await createScene({ keychain: new Map([["edvoyage.device", "own"]]) });
    lock.readsAreLocked = true;
    const deviceId = start();

    await expect(deviceId()).rejects.toMatchObject({ reason: "device/failed" });
    lock.readsAreLocked = false;

    expect(await deviceId()).toBe("own");
    expect(created()).toBe(0);
  });
});
