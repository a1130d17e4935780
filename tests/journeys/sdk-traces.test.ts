import { createMemoryStorage, type StorageAdapter } from "@edvoyage/client-sdk";
import { createSqliteStorage } from "@edvoyage/client-sdk/node";
import { putJson } from "@edvoyage/client-sdk/testing";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createApp, type App } from "../support/app.ts";
import { someCourses } from "../support/application.ts";
import { temporaryFolder } from "../support/databases.ts";
import { createStudent, type Student } from "../support/student.ts";
import { until } from "../support/sync-client.ts";
import { urlOf } from "../support/url.ts";
import { createWorld, type World } from "../support/world.ts";

/** A disk, and all that is on it as it is there. */
interface RawDisk {
  readonly disk: StorageAdapter;
  /** By where it is: a file, or a record. */
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

/** Where something is: as text, or as a key is kept, its UTF-16 code units with the high byte first. */
const placesOf = async ({ read }: RawDisk, text: string): Promise<string[]> => {
  const forms = [Buffer.from(text), Buffer.from(text, "utf16le").swap16()];
  return [...(await read())].flatMap(([place, bytes]) =>
    forms.some((form) => bytes.includes(form)) ? [place] : [],
  );
};

const UNSENT = "chat unsent words";

/** Has a student say something wherever there is a place for it; returns what can be told from all else, by what it is. */
const sayAll = async (
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
  const applicationId = await client.applications.create(await client.courses.get(course), {
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

/** A student who has said all that there is to say, of which some was set aside; the app runs, without a network. */
const createScene = async (raw: RawDisk) => {
  const world = await createWorld();
  await world.server.seedIfEmpty();
  const friend = await createStudent(world);
  const { disk } = raw;
  const first = await createApp(world, { disk, onProblem: () => {} });
  const phone = await first.signIn();
  const { id: roomId } = await first.client.chat.createRoom({ kind: "direct", userId: friend.id });
  const said = await sayAll(world, first, { friend, roomId });
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
    marks: { ...said, key, aside: "aside words", "damaged on the device": "damaged device words" },
    mend: () => {
      isCut = false;
    },
  };
};

/** What of it is on the disk, with where. */
const found = async (raw: RawDisk, marks: Readonly<Record<string, string>>) => {
  const places = await Promise.all(
    Object.entries(marks).map(async ([what, text]) => [what, await placesOf(raw, text)] as const),
  );
  return Object.fromEntries(places.filter(([, where]) => where.length > 0));
};

describe.each([
  ["memory", createMemory],
  ["SQLite", createSqlite],
])("on %s", (_name, createDisk) => {
  test("a search of the disk finds what a student has who is signed in", async () => {
    const raw = createDisk();
    const { marks } = await createScene(raw);

    expect(Object.keys(await found(raw, marks))).toEqual(Object.keys(marks));
    const damaged = [...(await raw.read()).values()].filter((bytes) =>
      [Buffer.from("damaged/0"), Buffer.from("damaged/0", "utf16le").swap16()].some((form) =>
        bytes.includes(form),
      ),
    );
    expect(damaged.length).toBeGreaterThanOrEqual(2);
  });

  test("nothing of her is left when another student has signed in but what was not sent, in her own store", async () => {
    const raw = createDisk();
    const { app, phone, storeName, friend, roomId, requests, marks, mend } = await createScene(raw);

    requests.length = 0;
    // Cut until then: what a network takes before she is gone is sent.
    await app.signIn();
    mend();
    app.setOnline(true);
    const { client } = app;
    await until(() => client.sync.status.connection === "online");
    await client.sync.flush();
    // The server has been told of the end of her session.
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
    await until(async () => (await placesOf(raw, key)).length === 0);

    expect(await found(raw, marks)).toEqual({});
    const unsentAt = await placesOf(raw, UNSENT);
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

  test("nothing of her is left when she has signed out and dropped what was not sent", async () => {
    const raw = createDisk();
    const { app, marks, mend, requests } = await createScene(raw);

    await app.client.auth.signOut({ pending: "discard" });
    const { key, ...words } = marks;
    const left = await found(raw, { ...words, unsent: UNSENT });
    mend();
    app.setOnline(true);
    await until(() => requests.some((request) => request.includes("sessions.logout")));
    await until(async () => (await placesOf(raw, key)).length === 0);

    expect(left).toEqual({});
    expect(await app.client.close()).toBeUndefined();
    expect(await found(raw, { ...marks, unsent: UNSENT })).toEqual({});
  });
});
