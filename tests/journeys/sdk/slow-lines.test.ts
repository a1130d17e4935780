import { roomDocumentName } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { v7 as uuidv7 } from "uuid";
import { WebSocket } from "ws";
import * as Y from "yjs";
import { createApp } from "../../support/apps/app.ts";
import { createThrottle } from "../../support/network/throttle.ts";
import { roundTrips } from "../../support/network/round-trips.ts";
import { connectStock, until, untilWithin } from "../../support/network/sync-client.ts";
import { urlOf } from "../../support/network/url.ts";
import { createWorld } from "../../support/servers/world.ts";
import { createStudent, openDirect, type Student } from "../../support/students/student.ts";

const openGroups = async (student: Student, count: number): Promise<readonly string[]> => {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const { id } = await student.rpc.chat.rooms.create.mutate({
      kind: "group",
      memberIds: [],
      name: `Group ${index}`,
      commandId: uuidv7(),
    });
    ids.push(id);
  }
  return ids;
};

/** An app whose second and later pages of the inbox wait until the test lets them through. */
const createPagedScene = async (
  rooms: number,
  { watchesNewest = false }: { readonly watchesNewest?: boolean } = {},
) => {
  const world = await createWorld();
  const ada = await createStudent(world);
  const roomIds = await openGroups(ada, rooms);
  let release = (): void => {};
  const isReleased = new Promise<void>((resolve) => {
    release = resolve;
  });
  const asked: string[] = [];
  const app = await createApp(world, {
    fetch: async (input, init) => {
      const url = decodeURIComponent(urlOf(input));
      if (url.includes("inbox.changes")) asked.push(url.replace(/.*input=/, ""));
      if (url.includes("inbox.changes") && url.includes("cursor")) await isReleased;
      return fetch(input, init);
    },
  });
  if (watchesNewest) app.client.chat.room(roomIds.at(-1) ?? "").watch(() => {});
  await app.signIn(ada.phone);
  return { world, ada, roomIds, app, asked, release };
};

test("[SY57] the first sync shows the newest rooms before the rest has arrived", async () => {
  const { app, roomIds, release } = await createPagedScene(45);
  await until(() => app.client.chat.rooms().length > 0);
  const firstIds = app.client.chat.rooms().map(({ id }) => id);

  release();
  await until(() => app.client.chat.rooms().length === 45);

  expect(firstIds).toHaveLength(20);
  expect(app.client.chat.rooms().map(({ id }) => id)).toEqual([...roomIds].reverse());
});

test("[SY57] a room that changes during the first sync is not taken for one that the student has left", async () => {
  const { app, ada, roomIds, release, world } = await createPagedScene(45);
  const [oldest = ""] = roomIds;
  await until(() => app.client.chat.rooms().length === 20);
  world.clock.advance({ seconds: 1 });

  await ada.send(oldest, "Now the newest");
  release();
  await until(() => app.client.chat.rooms().length === 45);

  expect(app.client.chat.rooms()[0]).toMatchObject({ id: oldest, preview: "Now the newest" });
});

test("[SY57] a device that knows its rooms asks for one short page", async () => {
  const { app, asked, release, world } = await createPagedScene(45);
  release();
  await until(() => app.client.chat.rooms().length === 45);
  world.clock.advance({ minutes: 5 });

  const restarted = await app.restart();
  await restarted.client.chat.createRoom({ kind: "group", memberIds: [], name: "New" });
  world.clock.advance({ minutes: 5 });
  const before = asked.length;
  await restarted.client.chat.createRoom({ kind: "group", memberIds: [], name: "Newer" });

  expect(restarted.client.chat.rooms()).toHaveLength(47);
  expect(asked.slice(before).filter((input) => input.includes("cursor"))).toEqual([]);
});

test("[SY57] a room on screen shows its messages before the rest of the inbox has arrived", async () => {
  const { app, ada, roomIds, release } = await createPagedScene(45, { watchesNewest: true });
  const newest = roomIds.at(-1) ?? "";
  const room = app.client.chat.room(newest);

  await ada.send(newest, "Hello");
  await until(() => room.messages.length === 1);
  const listed = app.client.chat.rooms().length;
  release();
  await until(() => app.client.chat.rooms().length === 45);

  expect(listed).toBe(20);
});

test("[SY57] a large user document arrives once over a line on which it takes minutes, also if the app wakes up meanwhile", async () => {
  const world = await createWorld();
  const ada = await createStudent(world);
  const sizeBytes = await fillDocument(ada);
  const throttle = await createThrottle(world.url, { bytesPerSecond: 10_000_000 });
  const opened: string[] = [];
  const app = await createApp(
    { ...world, url: throttle.url },
    {
      WebSocket: class extends WebSocket {
        constructor(address: string, protocols?: string[]) {
          super(address, protocols);
          opened.push(address);
        }
      },
    },
  );
  await app.signIn(ada.phone);
  throttle.setSpeed(1_000_000);
  await until(() => throttle.held > 0 && throttle.delivered > sizeBytes / 4);

  throttle.setSpeed(0);
  for (let second = 0; second < 120; second += 1) {
    app.clock.advance({ seconds: 1 });
    world.clock.advance({ seconds: 1 });
    if (second % 40 === 0) void app.client.sync.flush().catch(() => {});
    await roundTrips(1);
  }
  throttle.setSpeed(10_000_000);
  await until(() => app.client.sync.status.connection === "online");

  expect(opened).toHaveLength(1);
  expect(throttle.delivered).toBeLessThan(1.3 * sizeBytes);
  expect(Object.keys(app.client.settings.all())).toHaveLength(120);
});

/** Fills the student's document with 120 settings. Returns its size in bytes. */
const fillDocument = async ({ rpc }: Student): Promise<number> => {
  const doc = new Y.Doc();
  const settings = doc.getArray("settings");
  for (const part of [0, 1, 2]) {
    const before = Y.encodeStateVector(doc);
    settings.push(
      Array.from({ length: 40 }, (_, place) => ({ key: `${part} ${place}`, val: "v".repeat(1_950) })),
    );
    const update = Buffer.from(Y.encodeStateAsUpdate(doc, before)).toString("base64");
    await rpc.documents.exchange.mutate({ update, stateVector: "AA==" });
  }
  return Y.encodeStateAsUpdate(doc).length;
};

test("[SY57] a long segment arrives in parts, each of which a slow reader has before the last", async () => {
  const world = await createWorld();
  const [ada, bo] = [await createStudent(world), await createStudent(world)];
  const roomId = await openDirect(ada, bo);
  const text = "x".repeat(3_000);
  for (let index = 0; index < 18; index += 1) await ada.send(roomId, text);
  const throttle = await createThrottle(world.url, { bytesPerSecond: 200_000 });

  const reader = connectStock({ url: throttle.url, token: bo.token }, roomDocumentName(roomId as never, 0));
  const counts: number[] = [];
  reader.doc.on("update", () => counts.push(reader.texts().length));
  await reader.synced();

  expect(counts.length).toBeGreaterThan(2);
  expect(reader.texts()).toHaveLength(18);
});

test("[SY57] waking up does not end a connection whose first sync is slow", async () => {
  const world = await createWorld();
  const [ada, bo] = [await createStudent(world), await createStudent(world)];
  const roomId = await openDirect(ada, bo);
  for (let index = 0; index < 10; index += 1) await bo.send(roomId, "x".repeat(3_000));
  const throttle = await createThrottle(world.url, { bytesPerSecond: 1_000_000 });
  const opened: WebSocket[] = [];
  const app = await createApp(
    { ...world, url: throttle.url },
    {
      WebSocket: class extends WebSocket {
        constructor(address: string, protocols?: string[]) {
          super(address, protocols);
          if (address.includes("/room/")) opened.push(this);
        }
      },
    },
  );
  await app.signIn(ada.phone);
  await until(() => app.client.sync.status.connection === "online");

  throttle.setSpeed(4_000);
  app.client.chat.room(roomId).watch(() => {});
  await until(() => opened[0]?.readyState === WebSocket.OPEN && throttle.held > 0);
  throttle.setSpeed(0);
  void app.client.sync.flush().catch(() => {});
  app.clock.advance({ seconds: 25 });
  throttle.setSpeed(1_000_000);
  await untilWithin(
    { clock: app.clock, within: { seconds: 10 } },
    () => app.client.chat.room(roomId).messages.length === 10,
  );

  expect(opened).toHaveLength(1);
});
