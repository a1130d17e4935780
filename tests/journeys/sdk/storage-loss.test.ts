import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createMemoryStorage, StorageError, type Problem, type StorageAdapter } from "@edvoyage/client-sdk";
import { createIndexedDbStorage } from "@edvoyage/client-sdk/browser";
import { createSqliteStorage } from "@edvoyage/client-sdk/node";
import { describe, expect, test } from "vitest";
import { createApp, type App } from "../../support/apps/app.ts";
import { temporaryFolder } from "../../support/databases/databases.ts";
import { createFakeIndexedDb } from "../../support/fakes/fake-indexed-db.ts";
import { createKeychain } from "../../support/fakes/keychain.ts";
import { until } from "../../support/network/sync-client.ts";
import { createStudent } from "../../support/students/student.ts";
import { createWorld } from "../../support/servers/world.ts";

/** A device, and something that deletes its stores: all of them, or those whose names contain `part`. */
interface Disk {
  readonly disk: StorageAdapter;
  clear(part?: string): Promise<void>;
}

const disks: Readonly<Record<string, () => Disk>> = {
  memory: () => {
    const disk = createMemoryStorage();
    const outside = disk.connect();
    return {
      disk,
      clear: async (part = "") => {
        for (const name of await outside.list()) if (name.includes(part)) await outside.delete(name);
      },
    };
  },
  IndexedDB: () => {
    const browser = createFakeIndexedDb();
    return {
      disk: { ...createIndexedDbStorage(browser), peers: undefined },
      clear: async (part = "") => {
        for (const { name = "" } of await browser.indexedDB.databases()) {
          if (!name.includes(part)) continue;
          await new Promise((resolve) => (browser.indexedDB.deleteDatabase(name).onsuccess = resolve));
        }
      },
    };
  },
  "SQLite on Node.js": () => {
    const folder = temporaryFolder();
    return {
      disk: createSqliteStorage({ folder }),
      clear: async (part = "") => {
        for (const file of readdirSync(folder)) if (file.includes(part)) rmSync(join(folder, file));
      },
    };
  },
};

const createScene = async (createDisk: () => Disk) => {
  const { disk, clear } = createDisk();
  const world = await createWorld();
  const friend = await createStudent(world);
  const keychain = createKeychain();
  const problems: Problem["kind"][] = [];
  const app = await createApp(world, {
    disk,
    secureStorage: keychain,
    onProblem: ({ kind }) => problems.push(kind),
  });
  const phone = await app.signIn();
  const { id: roomId } = await app.client.chat.createRoom({ kind: "direct", userId: friend.id });
  await app.client.sync.flush();
  return { world, friend, app, phone, roomId, clear, problems, keychain };
};

/** Uses the app until it notices. Storage that tells of deletions by itself needs none of this. */
const noticeLoss = async ({ client }: App): Promise<void> => {
  await client.settings.set("theme", "dark").catch(() => {});
  await until(() => client.auth.state === "signedOut");
};

const sessionKeys = (keychain: ReturnType<typeof createKeychain>): readonly string[] =>
  keychain.names().filter((name) => name.startsWith("edvoyage.session."));

describe.each(Object.entries(disks))(
  "data that is deleted under an open app, in %s",
  (_platform, createDisk) => {
    test("leads to one report, signs the student out, and needs no restart for the next sign-in", async () => {
      const { world, friend, app, phone, roomId, clear, problems, keychain } = await createScene(createDisk);
      const { client } = app;

      await clear();
      await noticeLoss(app);

      expect(client.auth.status).toEqual({ state: "signedOut", student: null });
      expect(client.sync.status).toMatchObject({ storage: "lost", pending: 0, failed: 0 });
      expect(client.isReady).toBe(true);
      await until(() =>
        client.auth.requestCode(phone).then(
          () => true,
          () => false,
        ),
      );
      await client.auth.verifyCode(world.sms.findLast(({ to }) => to === phone)?.code ?? "");
      expect(client.sync.status.storage).toBe("durable");
      await client.chat.room(roomId).send("Still here");
      await client.sync.flush();
      expect(await friend.texts(roomId)).toEqual(["Still here"]);
      expect(problems).toEqual(["storage-lost"]);
      expect(sessionKeys(keychain)).toHaveLength(1);
    });

    test("leaves no session on the server and no key in the keychain", async () => {
      const { world, app, phone, clear, keychain } = await createScene(createDisk);

      await clear();
      await noticeLoss(app);

      await until(() => sessionKeys(keychain).length === 0);
      await until(async () => {
        const { items } = await world.admin.admin.sessions.list.query({ phone });
        return items.every(({ state }) => state !== "live");
      });
    });

    test("ends signed out too when only the student's store is gone, also after a restart", async () => {
      const { app, clear, problems } = await createScene(createDisk);

      await clear("student-");
      await noticeLoss(app);

      expect(problems).toEqual(["storage-lost"]);
      await until(() => app.client.sync.status.storage === "lost");
      const { client } = await app.restart();
      expect(client.auth.state).toBe("signedOut");
    });
  },
);

test("data that is deleted while nobody is signed in is reported, and a sign-in works", async () => {
  const storage = createMemoryStorage();
  const world = await createWorld();
  const problems: Problem["kind"][] = [];
  const app = await createApp(world, { storage, onProblem: ({ kind }) => problems.push(kind) });

  await storage.connect().delete("device");
  await app.client.auth.cancel();
  await app.client.auth.requestCode("+447400123456").catch(() => {});
  await until(() => app.client.sync.status.storage === "lost");
  await until(() =>
    app.signIn().then(
      () => true,
      () => false,
    ),
  );

  expect(app.client.auth.state).toBe("signedIn");
  expect(problems).toEqual(["storage-lost"]);
});

test("a loss is reported once, however many tasks in the background fail of it", async () => {
  const storage = createMemoryStorage();
  const outside = storage.connect();
  const world = await createWorld();
  const problems: Problem["kind"][] = [];
  const { client, signIn } = await createApp(world, {
    storage,
    onProblem: ({ kind }) => problems.push(kind),
  });
  await signIn();

  for (const name of await outside.list()) await outside.delete(name);
  for (let count = 0; count < 3; count += 1) outside.peers.broadcast("device");
  await Promise.allSettled([client.profile.update({ name: "A" }), client.settings.set("theme", "dark")]);
  await until(() => client.auth.state === "signedOut");
  await client.close();

  expect(problems).toEqual(["storage-lost"]);
});

test.each([
  ["hears of it", true],
  ["hears nothing", false],
])(
  "a sign-out in another tab is no loss, although it deletes the store, for a tab that %s",
  async (_what, hasPeers) => {
    const storage = createMemoryStorage();
    const world = await createWorld();
    const one = await createApp(world, { storage });
    await one.signIn();
    const otherProgram = storage.connect();
    const other = await createApp(world, {
      disk: hasPeers ? otherProgram : { ...otherProgram, peers: undefined },
    });

    await one.client.auth.signOut();
    await other.client.settings.set("theme", "dark").catch(() => {});
    await until(() => other.client.auth.state === "signedOut");

    expect(other.client.sync.status.storage).toBe("durable");
  },
);

test("data that is deleted while the app opens leaves an app that can be used", async () => {
  const storage = createMemoryStorage();
  const outside = storage.connect();
  const world = await createWorld();
  const first = await createApp(world, { storage });
  const phone = await first.signIn();
  await first.client.close();
  let deletions = 0;
  const disk: StorageAdapter = {
    ...storage.connect(),
    open: async (name) => {
      const store = await storage.open(name);
      if (!name.startsWith("student-") || deletions > 0) return store;
      deletions += 1;
      for (const each of await outside.list()) await outside.delete(each);
      return store;
    },
  };

  const { client, signIn } = await createApp(world, { disk });

  expect([deletions, client.auth.state]).toEqual([1, "signedOut"]);
  await signIn(phone);
  expect(client.auth.state).toBe("signedIn");
});

test("a value that the device cannot read comes from the server", async () => {
  const world = await createWorld();
  const storage = createMemoryStorage();
  const first = await createApp(world, { storage });
  await first.signIn();
  await first.client.profile.update({ name: "Ada" });
  await first.client.sync.flush();
  await first.client.profile.get({ refresh: true });
  await first.client.close();
  const broken = (): Promise<never> => Promise.reject(new StorageError("failed", "Made to fail"));
  const disk: StorageAdapter = {
    ...storage,
    open: async (name) => {
      const store = await storage.open(name);
      return { ...store, get: (key) => (key.startsWith("cache/") ? broken() : store.get(key)) };
    },
  };

  const { client, setOnline } = await createApp(world, { disk });

  expect(await client.profile.get()).toMatchObject({ name: "Ada", source: "server" });
  setOnline(false);
  await expect(client.contacts.list({ deviceOnly: true })).rejects.toMatchObject({ reason: "device/failed" });
  await expect(client.contacts.list()).rejects.toMatchObject({ reason: "offline" });
});
