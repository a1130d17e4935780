import { createMemoryStorage, type MemoryStorage, type Problem } from "@edvoyage/client-sdk";
import { createIndexedDbStorage } from "@edvoyage/client-sdk/browser";
import { describe, expect, test, vi } from "vitest";
import { createApp } from "../../support/apps/app.ts";
import { createFakeIndexedDb } from "../../support/fakes/fake-indexed-db.ts";
import { createStudent } from "../../support/students/student.ts";
import { until } from "../../support/network/sync-client.ts";
import { createWorld } from "../../support/servers/world.ts";

/** Returns everything that is stored, by store and key. */
const contentOf = async (storage: MemoryStorage): Promise<ReadonlyMap<string, string>> => {
  const content = new Map<string, string>();
  for (const name of await storage.list()) {
    const store = await storage.open(name);
    for (const { key, value } of await store.list("")) content.set(`${name} ${key}`, value.join());
    await store.close();
  }
  return content;
};

/** Sets the version of the format of all records whose keys start with one of these. Returns how many there were. */
const setVersion = async (storage: MemoryStorage, keyStart: string, version: number): Promise<number> => {
  let count = 0;
  for (const name of await storage.list()) {
    const store = await storage.open(name);
    const records = await store.list(keyStart);
    await store.write(
      records.map(({ key, value }) => ({ key, value: Uint8Array.of(version, ...value.subarray(1)) })),
    );
    count += records.length;
    await store.close();
  }
  return count;
};

describe("an app that was rolled back, and finds a newer", () => {
  test.each(["current", "session", "outbox/", "document/", "device", ""])(
    "record %j, says so and leaves everything as it is until it is updated again",
    async (keyStart) => {
      const world = await createWorld();
      const friend = await createStudent(world);
      const storage = createMemoryStorage();
      const app = await createApp(world, { storage });
      await app.signIn();
      const { id: roomId } = await app.client.chat.createRoom({ kind: "direct", userId: friend.id });
      await app.client.settings.set("theme", "dark");
      await app.client.sync.flush();
      app.setOnline(false);
      await app.client.chat.room(roomId).send("Written by the newer version");
      await app.client.close();
      expect(await setVersion(storage, keyStart, 2)).toBeGreaterThan(0);
      const before = await contentOf(storage);

      const problems: Problem["kind"][] = [];
      const rolledBack = await app.restart({ isReady: false, onProblem: ({ kind }) => problems.push(kind) });
      await expect(rolledBack.client.ready()).rejects.toMatchObject({ reason: "device/newer-data" });
      await expect(rolledBack.client.ready()).rejects.toMatchObject({ reason: "device/newer-data" });
      await rolledBack.client.close();

      expect(problems).toEqual([]);
      expect(await contentOf(storage)).toEqual(before);
      await setVersion(storage, keyStart, 1);
      const updated = await rolledBack.restart({ isReady: true });
      await updated.client.sync.flush();
      expect(await friend.texts(roomId)).toEqual(["Written by the newer version"]);
    },
  );
});

test("an app whose IndexedDB is blocked says why, and opens as soon as it is not", async () => {
  const world = await createWorld();
  const browser = createFakeIndexedDb();
  const blocked = vi.spyOn(browser.indexedDB, "open").mockImplementation(() => {
    throw new DOMException("The operation is insecure.", "SecurityError");
  });
  const app = await createApp(world, { disk: createIndexedDbStorage(browser), isReady: false });

  await expect(app.client.ready()).rejects.toMatchObject({ reason: "device/unavailable" });
  blocked.mockRestore();
  await app.client.ready();

  await app.signIn();
  expect(app.client.sync.status.storage).toBe("durable");
});

test("[SI42] an app that goes on in memory says so, and its sign-ins leave the student's other devices alone", async () => {
  const world = await createWorld();
  const phone = await createApp(world);
  const number = await phone.signIn();
  const inMemory = () => createApp(world, { disk: createIndexedDbStorage({ fallback: "memory" }) });

  const first = await inMemory();
  await first.signIn(number);
  const second = await inMemory();
  await second.signIn(number);

  expect(second.client.sync.status.storage).toBe("memory");
  const list = (client: typeof phone.client) => client.sessions.list({}, { refresh: true });
  await expect(list(first.client)).rejects.toMatchObject({ reason: "session/expired" });
  expect((await list(phone.client)).items).toHaveLength(2);
  expect((await list(second.client)).items).toHaveLength(2);
  const { devices } = await world.admin.admin.numbers.show.query({ phone: number });
  expect(devices.filter(({ isKnown }) => isKnown)).toHaveLength(1);
});

test("a write in memory resolves with the server's answer, or throws its reason; on a disk it does not wait", async () => {
  const world = await createWorld();
  await world.server.seedIfEmpty();
  const [university] = (await world.rpc().universities.list.query({ limit: 1 })).items;
  const friend = await createStudent(world);
  const inMemory = await createApp(world, { disk: createIndexedDbStorage({ fallback: "memory" }) });
  const onDisk = await createApp(world);
  const resolvedBy = async (app: typeof inMemory): Promise<readonly string[]> => {
    const { client } = app;
    await app.signIn();
    const { id: roomId } = await client.chat.createRoom({ kind: "direct", userId: friend.id });
    await until(() => client.sync.status.connection === "online");
    app.setOnline(false);
    const done: string[] = [];
    const writes = [
      client.chat
        .room(roomId)
        .send("Hello")
        .then(() => done.push("message")),
      client.profile.update({ name: "Ada" }).then(() => done.push("profile")),
      client.favourites.add("university", university?.id ?? "").then(() => done.push("favourite")),
      client.contacts.update(friend.id, { nickname: "Bo" }).then(
        () => done.push("contact"),
        ({ reason }: { readonly reason: string }) => done.push(`contact: ${reason}`),
      ),
    ];
    await until(() => client.chat.room(roomId).messages.length === 1 && client.sync.status.pending > 2);
    const offline = [...done].sort();
    app.setOnline(true);
    await Promise.all(writes);
    return [...offline, "|", ...done.sort()];
  };

  const all = ["contact", "favourite", "message", "profile"];
  expect(await resolvedBy(onDisk)).toEqual([...all, "|", ...all]);
  expect(await resolvedBy(inMemory)).toEqual(["|", "contact: not-found", "favourite", "message", "profile"]);
});
