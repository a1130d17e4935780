import { expect, test } from "vitest";
import { WebSocket } from "ws";
import * as Y from "yjs";
import { createApp, type App, type AppOptions } from "../../support/apps/app.ts";
import { createProxy } from "../../support/network/proxy.ts";
import { roundTrips } from "../../support/network/round-trips.ts";
import { until, untilWithin } from "../../support/network/sync-client.ts";
import { createTunnel } from "../../support/network/tunnel.ts";
import { urlOf } from "../../support/network/url.ts";
import { createWorld, type WorldOptions } from "../../support/servers/world.ts";
import { createStudent, openDirect, type Student } from "../../support/students/student.ts";

/** An app behind a proxy that blocks upgrades, and a friend with whom its student has a room. */
const createScene = async (
  how: "refuse" | "swallow",
  { limits = {}, ...options }: AppOptions & Pick<WorldOptions, "limits"> = {},
) => {
  const world = await createWorld({ limits });
  const [ada, bo] = [await createStudent(world), await createStudent(world)];
  const roomId = await openDirect(ada, bo);
  const proxy = await createProxy(world.url);
  proxy.blockUpgrades(how);
  const app = await createApp({ ...world, url: proxy.url }, options);
  await app.signIn(ada.phone);
  return { world, ada, bo, roomId, proxy, app };
};

/** Lets two minutes pass at most: three upgrades of 10 s, and some polls. */
const within = ({ clock }: App, condition: () => boolean | Promise<boolean>): Promise<void> =>
  untilWithin({ clock, within: { minutes: 2 }, step: { seconds: 1 } }, condition);

const isByHttp =
  ({ client }: App) =>
  (): boolean =>
    client.sync.status.transport === "http";

const textsOf = ({ client }: App, roomId: string): string[] =>
  client.chat.room(roomId).messages.map(({ text }) => text);

/** Returns the settings that the server has. */
const settingsOf = async ({ rpc }: Student): Promise<unknown[]> => {
  const { update } = await rpc.documents.exchange.mutate({ stateVector: "AA==" });
  const doc = new Y.Doc();
  Y.applyUpdate(doc, Buffer.from(update, "base64"));
  return doc.getArray("settings").toArray();
};

const diskOf = async ({ storage }: App): Promise<string> => {
  const texts: string[] = [];
  for (const name of await storage.list()) {
    const store = await storage.open(name);
    for (const { key, value } of await store.list("")) texts.push(key, Buffer.from(value).toString());
    await store.close();
  }
  return texts.join("\n");
};

test.each(["refuse", "swallow"] as const)(
  "[SY56] an app works on a network that answers upgrades like this: %s",
  async (how) => {
    const { bo, ada, roomId, app } = await createScene(how);
    await bo.send(roomId, "Hello");
    app.client.chat.room(roomId).watch(() => {});
    await within(app, isByHttp(app));
    await within(app, () => textsOf(app, roomId).join() === "Hello");

    const { settled } = await app.client.chat.room(roomId).send("Hello back");
    await app.client.settings.set("theme", "dark");
    // Until then the server may get the other message first.
    await settled;
    await bo.send(roomId, "And again");
    await within(app, () => textsOf(app, roomId).length === 3 && app.client.sync.status.pending === 0);
    await within(app, () => app.client.outbox.list().length === 0);

    expect(await bo.texts(roomId)).toEqual(["Hello", "Hello back", "And again"]);
    expect(textsOf(app, roomId)).toEqual(["Hello", "Hello back", "And again"]);
    expect(await settingsOf(ada)).toEqual([{ key: "theme", val: "dark" }]);
    expect(app.client.sync.status).toMatchObject({ connection: "online", transport: "http" });
  },
);

test("[SY56] edits of another device, reactions and removals arrive by HTTP", async () => {
  const { bo, ada, roomId, app } = await createScene("refuse");
  const sent = await bo.send(roomId, "Frist");
  const gone = await bo.send(roomId, "Gone soon");
  app.client.chat.room(roomId).watch(() => {});
  await within(app, () => textsOf(app, roomId).length === 2);

  await bo.rpc.chat.edit.mutate({ roomId, messageId: sent.messageId, text: "First" });
  await ada.rpc.chat.react.mutate({ roomId, messageId: sent.messageId, emoji: "👍" });
  await bo.rpc.chat.remove.mutate({ roomId, messageId: gone.messageId });
  const settings = new Y.Doc();
  settings.getArray("settings").push([{ key: "theme", val: "dark" }]);
  const update = Buffer.from(Y.encodeStateAsUpdate(settings)).toString("base64");
  await ada.rpc.documents.exchange.mutate({ update, stateVector: "AA==" });
  await within(app, () => app.client.settings.get("theme") === "dark" && textsOf(app, roomId).length === 1);

  expect(app.client.chat.room(roomId).messages).toMatchObject([
    { text: "First", editedAt: expect.any(Number), reactions: [{ userId: ada.id, emoji: "👍" }] },
  ]);
});

test("[SY56] an app that shows nothing asks for nothing, and one that does asks every 15 seconds", async () => {
  const { app } = await createScene("refuse");
  await within(app, isByHttp(app));
  await roundTrips();
  const asked = (): number => app.requests.filter((url) => url.includes("inbox.changes")).length;
  const before = asked();

  app.clock.advance({ minutes: 2 });
  await roundTrips();
  const unwatched = asked() - before;
  const stop = app.client.chat.watchRooms(() => {});
  await until(() => asked() === before + 1);
  for (let times = 2; times <= 5; times += 1) {
    app.clock.advance({ seconds: 15 });
    await until(() => asked() === before + times);
  }
  stop();
  app.clock.advance({ minutes: 2 });
  await roundTrips();

  expect(unwatched).toBe(0);
  expect(asked()).toBe(before + 5);
});

test("[SY56] sockets are tried again after five minutes, and take over what HTTP has read", async () => {
  let attempts = 0;
  const { bo, roomId, app, proxy } = await createScene("refuse", {
    WebSocket: class extends WebSocket {
      constructor(address: string, protocols?: string[]) {
        super(address, protocols);
        attempts += 1;
      }
    },
  });
  app.client.chat.room(roomId).watch(() => {});
  await within(app, isByHttp(app));
  const since = app.clock.now();
  await bo.send(roomId, "By HTTP");
  await within(app, () => textsOf(app, roomId).join() === "By HTTP");
  const before = await diskOf(app);

  const attemptsBefore = attempts;
  proxy.pass();
  await untilWithin(
    { clock: app.clock, within: { minutes: 7 }, step: { seconds: 5 } },
    () => attempts > attemptsBefore,
  );
  const waitedMs = app.clock.now() - since;
  // The clock stands still: a socket that takes 200 ms to open would otherwise be given up, for another five minutes.
  await until(() => {
    const { transport, connection } = app.client.sync.status;
    return transport === "socket" && connection === "online";
  });
  await bo.send(roomId, "By socket");
  await within(app, () => textsOf(app, roomId).join() === "By HTTP,By socket");
  await within(app, async () => !(await diskOf(app)).includes("history/"));

  expect(waitedMs).toBeGreaterThan(295_000);
  expect(before).toContain("history/");
  expect(app.client.sync.status).toMatchObject({ connection: "online", transport: "socket" });
});

test("[SY56] messages that were read or sent by HTTP are shown offline after a restart", async () => {
  const { bo, roomId, app } = await createScene("refuse");
  await bo.send(roomId, "Hello");
  app.client.chat.room(roomId).watch(() => {});
  await app.client.chat.room(roomId).send("Own");
  await within(app, () => textsOf(app, roomId).length === 2 && app.client.outbox.list().length === 0);
  app.setOnline(false);

  const restarted = await app.restart({
    fetch: async () => {
      throw new TypeError("fetch failed");
    },
  });
  restarted.setOnline(false);
  restarted.client.chat.room(roomId).watch(() => {});
  await until(() => textsOf(restarted, roomId).length === 2);

  expect(textsOf(restarted, roomId)).toEqual(["Hello", "Own"]);
});

test("[SY56] a long room is read from its end by HTTP, and older messages when they are asked for", async () => {
  const { bo, roomId, app } = await createScene("refuse");
  const sent = Array.from({ length: 120 }, (_, index) => `m${index}`);
  for (const text of sent) await bo.send(roomId, text);
  const room = app.client.chat.room(roomId);
  room.watch(() => {});
  await within(app, () => room.isLoaded);
  const [firstPage, hasOlder] = [textsOf(app, roomId), room.hasOlder];

  while (await room.loadOlder());

  expect(firstPage).toEqual(sent.slice(-50));
  expect(hasOlder).toBe(true);
  expect(textsOf(app, roomId)).toEqual(sent);
  expect(room.hasOlder).toBe(false);
});

test("[SY56] a document that is refused by HTTP loses the refused edit alone", async () => {
  const { ada, app } = await createScene("refuse", { limits: { documentBytes: 1_000 }, onProblem: () => {} });
  await within(app, isByHttp(app));

  await app.client.settings.set("small", "kept");
  await within(app, () => app.client.sync.status.pending === 0);
  await app.client.settings.set("large", "x".repeat(1_200));
  await within(app, () => app.client.sync.status.failed === 1);
  await app.client.settings.set("later", "kept too");
  await within(app, () => app.client.sync.status.pending === 0);

  expect(await settingsOf(ada)).toEqual([
    { key: "small", val: "kept" },
    { key: "later", val: "kept too" },
  ]);
});

test("[SY56] a network that is gone altogether is not taken for one without WebSockets", async () => {
  const world = await createWorld();
  const tunnel = await createTunnel(world.url);
  const requests: string[] = [];
  const app = await createApp(
    { ...world, url: tunnel.url },
    {
      fetch: async (input, init) => {
        requests.push(urlOf(input));
        return fetch(input, init);
      },
    },
  );
  await app.signIn();
  await until(() => app.client.sync.status.connection === "online");

  tunnel.setOpen(false);
  for (let second = 0; second < 60; second += 1) {
    app.clock.advance({ seconds: 1 });
    await roundTrips(2);
  }
  const { status } = app.client.sync;
  tunnel.setOpen(true);
  await untilWithin(
    { clock: app.clock, within: { minutes: 1 }, step: { seconds: 1 } },
    () => app.client.sync.status.connection === "online",
  );

  expect(status).toMatchObject({ connection: "offline", transport: "socket" });
  expect(requests.filter((url) => url.includes("documents.exchange")).length).toBeGreaterThan(0);
  expect(app.client.sync.status.transport).toBe("socket");
});
