import { createMemoryStorage, type StorageAdapter } from "@edvoyage/client-sdk";
import { createSqliteStorage } from "@edvoyage/client-sdk/node";
import { putJson } from "@edvoyage/client-sdk/testing";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createApp, type App } from "../../support/apps/app.ts";
import { someCourses } from "../../support/students/application.ts";
import { temporaryFolder } from "../../support/databases/databases.ts";
import { createStudent, type Student } from "../../support/students/student.ts";
import { until } from "../../support/network/sync-client.ts";
import { urlOf } from "../../support/network/url.ts";
import { createWorld, type World } from "../../support/servers/world.ts";

/** A disk, and a way to read every byte on it. */
interface RawDisk {
  readonly disk: StorageAdapter;
  /** The bytes by place: a file, or a record. */
  readonly read: () => Promise<ReadonlyMap<string, Buffer>>;
}

const createMemory = (): RawDisk => {
  const disk = createMemoryStorage();
  return {
    disk,
    read: async () => {
      const found = new Map<string, Buffer>();
      for (const name of await disk.list()) {
        const store = await disk.open(name);
        for (const { key, value } of await store.list("")) {
          found.set(`${name} ${key}`, Buffer.concat([Buffer.from(`${name} ${key} `), value]));
        }
        await store.close();
      }
      return found;
    },
  };
};

const createSqlite = (): RawDisk => {
  const folder = temporaryFolder();
  return {
    disk: createSqliteStorage({ folder }),
    read: async () => new Map(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file))])),
  };
};

/** Returns the places that contain a text, either as UTF-8 or as a key: UTF-16 code units, high byte first. */
const placesOf = async ({ read }: RawDisk, text: string): Promise<string[]> => {
  const forms = [Buffer.from(text), Buffer.from(text, "utf16le").swap16()];
  return [...(await read())].flatMap(([place, bytes]) =>
    forms.some((form) => bytes.includes(form)) ? [place] : [],
  );
};

const UNSENT = "chat unsent words";
const UNKNOWN_POST = "01990000-0000-7000-8000-000000000001";

/** Has a student write in every place that the app offers; returns the distinguishable texts by their kind. */
const writeEverywhere = async (
  world: World,
  { client }: App,
  { friend, roomId }: { readonly friend: Student; readonly roomId: string },
): Promise<Record<string, string>> => {
  const [course = ""] = await someCourses(world, 1);
  const { items } = await world.rpc().universities.list.query({ limit: 2 });
  const room = client.chat.room(roomId);
  const stop = room.watch(() => {});
  await room.send("chat sent words");
  await friend.send(roomId, "chat received words");
  await until(() => room.messages.length === 2);
  stop();
  await client.contacts.add(friend.id, { nickname: "nickname words" });
  await client.profile.update({ name: "profile words", bio: "biography words" });
  await client.settings.set("setting key words", "setting words");
  await client.favourites.add("university", items[1]?.id ?? "");
  const { id: applicationId } = await client.applications.create(await client.courses.get(course), {
    statement: "statement words",
  });
  await client.sync.flush();
  await client.contacts.list({ refresh: true });
  await client.profile.get({ refresh: true });
  await client.applications.one(applicationId).get({ refresh: true });
  return {
    sent: "chat sent words",
    received: "chat received words",
    nickname: "nickname words",
    name: "profile words",
    biography: "biography words",
    "setting's key": "setting key words",
    setting: "setting words",
    favourite: items[1]?.id ?? "",
    statement: "statement words",
    phone: client.auth.status.student?.phone ?? "",
  };
};

/** A student who has written everywhere, with some records set aside. The app runs, without a network. */
const createScene = async (rawDisk: RawDisk) => {
  const world = await createWorld();
  await world.server.seedIfEmpty();
  const friend = await createStudent(world);
  const { disk } = rawDisk;
  const first = await createApp(world, { disk, onProblem: () => {} });
  const phone = await first.signIn();
  const { id: roomId } = await first.client.chat.createRoom({ kind: "direct", userId: friend.id });
  const written = await writeEverywhere(world, first, { friend, roomId });
  const userId = first.client.auth.status.student?.id ?? expect.fail("nobody is signed in");
  const storeName = `student-${userId}`;
  await first.client.close();

  const store = await disk.open(storeName);
  const key: string = JSON.parse(
    Buffer.from((await store.get("session-key")) ?? [])
      .subarray(5)
      .toString(),
  );
  const [copy] = await store.list("room/");
  await store.write([
    { key: copy?.key ?? "", value: copy?.value.map((byte, at) => (at === 1 ? byte ^ 1 : byte)) ?? null },
    putJson("aside/document", { setting: "aside words" }),
  ]);
  await store.close();
  const device = await disk.open("device");
  await device.write([{ key: "sign-in", value: Buffer.from("damaged device words") }]);
  await device.close();

  const requests: string[] = [];
  const app = await createApp(world, {
    disk,
    onProblem: () => {},
    fetch: async (input, init) => {
      if (isCut && !urlOf(input).includes("/auth.")) throw new TypeError("fetch failed");
      requests.push(`${urlOf(input)} ${JSON.stringify(init?.headers)} ${JSON.stringify(init?.body)}`);
      return fetch(input, init);
    },
  });
  let isCut = false;
  const room = app.client.chat.room(roomId);
  const stop = room.watch(() => {});
  await until(() => room.messages.length === 2);
  stop();
  isCut = true;
  await room.send(UNSENT);
  return {
    app,
    phone,
    storeName,
    friend,
    roomId,
    requests,
    marks: { ...written, key, aside: "aside words", "damaged on the device": "damaged device words" },
    mend: () => {
      isCut = false;
    },
  };
};

/** Returns the marks that are on the disk, with their places. */
const found = async (rawDisk: RawDisk, marks: Readonly<Record<string, string>>) => {
  const places = await Promise.all(
    Object.entries(marks).map(async ([kind, text]) => [kind, await placesOf(rawDisk, text)] as const),
  );
  return Object.fromEntries(places.filter(([, foundAt]) => foundAt.length > 0));
};

describe.each([
  ["memory", createMemory],
  ["SQLite", createSqlite],
])("a student's data in %s", (_name, createDisk) => {
  test("can be found by this test's search while the student is signed in", async () => {
    const rawDisk = createDisk();
    const { marks } = await createScene(rawDisk);

    expect(Object.keys(await found(rawDisk, marks))).toEqual(Object.keys(marks));
    const damaged = [...(await rawDisk.read()).values()].filter((bytes) =>
      [Buffer.from("damaged/0"), Buffer.from("damaged/0", "utf16le").swap16()].some((form) =>
        bytes.includes(form),
      ),
    );
    expect(damaged.length).toBeGreaterThanOrEqual(2);
  });

  test("disappears when another student has signed in, except unsent changes in the first one's own store", async () => {
    const rawDisk = createDisk();
    const { app, phone, storeName, friend, roomId, requests, marks, mend } = await createScene(rawDisk);

    requests.length = 0;
    // The network stays cut until then, because it would otherwise send the changes before the first student leaves.
    await app.signIn();
    mend();
    app.setOnline(true);
    const { client } = app;
    await until(() => client.sync.status.connection === "online");
    await client.sync.flush();
    // The server has been told that the first student's session is over.
    await until(() => requests.some((request) => request.includes("sessions.logout")));
    const shown = JSON.stringify([
      client.chat.rooms(),
      client.outbox.list(),
      client.favourites.list(),
      client.settings.all(),
      await client.contacts.list(),
      await client.profile.get(),
      await client.applications.get(),
    ]);
    const { key, ...words } = marks;
    await until(async () => (await placesOf(rawDisk, key)).length === 0);

    expect(await found(rawDisk, marks)).toEqual({});
    const unsentAt = await placesOf(rawDisk, UNSENT);
    expect(unsentAt.length).toBeGreaterThan(0);
    expect(unsentAt.filter((place) => !place.startsWith(storeName))).toEqual([]);
    for (const text of [...Object.values(words), UNSENT]) {
      expect(shown).not.toContain(text);
      expect(requests.filter((request) => request.includes(text))).toEqual([]);
    }
    await app.signIn(phone);
    await client.sync.flush();
    expect(await friend.texts(roomId)).toEqual(["chat sent words", "chat received words", UNSENT]);
  });

  test("disappears when the student has signed out and discarded unsent changes", async () => {
    const rawDisk = createDisk();
    const { app, marks, mend, requests } = await createScene(rawDisk);

    await app.client.auth.signOut({ pending: "discard" });
    const { key, ...words } = marks;
    const remaining = await found(rawDisk, { ...words, unsent: UNSENT });
    mend();
    app.setOnline(true);
    await until(() => requests.some((request) => request.includes("sessions.logout")));
    await until(async () => (await placesOf(rawDisk, key)).length === 0);

    expect(remaining).toEqual({});
    expect(await app.client.close()).toBeUndefined();
    expect(await found(rawDisk, { ...marks, unsent: UNSENT })).toEqual({});
  });

  test("disappears when the student signs out after everything was sent, who is asked first when a change has failed", async () => {
    const rawDisk = createDisk();
    const { app, marks, mend } = await createScene(rawDisk);
    const { client } = app;
    const fates: unknown[] = [];
    const { settled } = await client.social.comment(UNKNOWN_POST, { text: "refused words" });
    settled.catch(({ reason }: { readonly reason: string }) => fates.push(reason));
    mend();
    app.setOnline(true);

    await expect(client.auth.signOut({ pending: "flush" })).rejects.toMatchObject({
      reason: "outbox/not-empty",
      details: { left: 1 },
    });
    expect(client.auth.state).toBe("signedIn");
    expect(client.outbox.list()).toMatchObject([{ state: "failed", reason: "not-found" }]);
    expect(fates).toEqual(["not-found"]);
    for (const { id } of client.outbox.list()) await client.outbox.discard(id);
    await client.auth.signOut({ pending: "flush" });
    await until(async () => (await placesOf(rawDisk, marks["key"] ?? "")).length === 0);

    const { key: _, ...words } = marks;
    expect(await found(rawDisk, { ...words, unsent: UNSENT, refused: "refused words" })).toEqual({});
  });
});
