import { copyFileSync } from "node:fs";
import { createClient, createMemoryStorage, StorageError, type StorageAdapter } from "@edvoyage/client-sdk";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { createApp } from "../../support/apps/app.ts";
import { createFailingStorage } from "../../support/fakes/failing-storage.ts";
import { roundTrips } from "../../support/network/round-trips.ts";
import { textsAt } from "../../support/students/room-texts.ts";
import { until, untilWithin } from "../../support/network/sync-client.ts";
import { createTunnel } from "../../support/network/tunnel.ts";
import { collectUncaught } from "../../support/uncaught.ts";
import { createWorld } from "../../support/servers/world.ts";
import { createOfflineScene, universitiesOf, untilRoomKnown } from "../../support/apps/offline-scene.ts";

test("[SI38] a session that an admin revokes wipes the student's data if the app asks for it", async () => {
  const world = await createWorld();
  const app = await createApp(world, { wipeWhenRevoked: true });
  await app.signIn();
  await until(() => app.client.sync.status.connection === "online");
  const { items } = await world.admin.admin.sessions.list.query();

  const [session] = items;
  await world.admin.admin.sessions.revoke.mutate({ sessionId: session?.id ?? "", reason: "lost phone" });
  world.clock.advance({ seconds: 1 });
  await until(() => app.client.auth.state === "signedOut");

  await until(async () => (await app.storage.list()).length === 1);
});

test("a full disk is reported at once, and nothing of the change is kept", async () => {
  const { world, friend, roomId, phone } = await createOfflineScene();
  const disk = createFailingStorage(createMemoryStorage());
  const app = await createApp(world, { disk, onProblem: () => {} });
  await app.signIn(phone);
  await untilRoomKnown(app, roomId);
  const [universityId = ""] = await universitiesOf(world, 1);

  disk.failWrites("full");
  await expect(app.client.chat.room(roomId).send("lost?")).rejects.toMatchObject({ reason: "device/full" });
  await expect(app.client.favourites.toggle("university", universityId)).rejects.toMatchObject({
    reason: "device/full",
  });
  await expect(app.client.contacts.add(friend.id)).rejects.toMatchObject({ reason: "device/full" });
  expect(app.client.chat.room(roomId).messages).toEqual([]);
  expect(app.client.favourites.list()).toEqual([]);
  expect(app.client.sync.status).toMatchObject({ pending: 0, failed: 0 });

  disk.mend();
  await app.client.chat.room(roomId).send("kept");
  await app.client.sync.flush();
  expect(await textsAt(friend, roomId)).toEqual(["kept"]);
});

test("a damaged record is set aside and reported, and the others still work", async () => {
  const { app, friend, roomId } = await createOfflineScene();
  app.setOnline(false);
  for (const text of ["first", "second", "third"]) await app.client.chat.room(roomId).send(text);
  await app.client.close();
  const name = (await app.storage.list()).find((storeName) => storeName.startsWith("student-")) ?? "";
  const store = await app.storage.open(name);
  const damaged = (await store.list("outbox/"))[1] ?? expect.fail("nothing is kept");
  await store.write([
    { key: damaged.key, value: damaged.value.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) },
  ]);
  await store.close();
  const problems: string[] = [];

  const restarted = await app.restart({ onProblem: ({ kind }) => problems.push(kind) });
  await restarted.client.sync.flush();

  expect(problems).toEqual(["record-damaged"]);
  expect(await textsAt(friend, roomId)).toEqual(["first", "third"]);
  const aside = await app.storage.open(name);
  expect((await aside.keys("damaged/")).map((key) => key.endsWith(damaged.key))).toEqual([true]);
  await aside.close();
});

test("flush connects at once to a server that is back, however long the retry delay is", async () => {
  const world = await createWorld();
  const tunnel = await createTunnel(world.url);
  const app = await createApp({ url: tunnel.url, sms: world.sms });
  await app.signIn();
  await until(() => app.client.sync.status.connection === "online");
  tunnel.setOpen(false);
  await until(() => app.client.sync.status.connection === "offline");
  for (let failures = 0; failures < 6; failures += 1) {
    const { attempts } = tunnel;
    app.clock.advance({ minutes: 1 });
    await until(() => tunnel.attempts > attempts);
    await roundTrips();
  }
  await app.client.settings.set("theme", "dark");
  tunnel.setOpen(true);

  await app.client.sync.flush();

  expect(app.client.sync.status.pending).toBe(0);
});

test("an app whose listeners throw still saves everything, and its platform reports the errors", async () => {
  const uncaught = collectUncaught();
  const mistake = new Error("of the app");
  const fail = (): never => {
    throw mistake;
  };
  const world = await createWorld();
  const memory = createMemoryStorage();
  const written: string[] = [];
  let isFailing = false;
  const disk: StorageAdapter = {
    ...memory,
    open: async (name) => {
      const store = await memory.open(name);
      return {
        ...store,
        write: async (changes) => {
          // Fails only removals and outcomes, so that answered commands cannot be taken from the queue.
          const isOther = changes.some(({ key, value }) => value && !key.startsWith("settled/"));
          if (!isFailing || isOther) return store.write(changes);
          written.push(...changes.map(({ key }) => key.split("/")[0] ?? ""));
          throw new StorageError("failed", "Made to fail");
        },
      };
    },
  };
  let problems = 0;
  const onProblem = () => {
    problems += 1;
    fail();
  };
  const app = await createApp(world, { storage: memory, disk, onProblem });
  await app.signIn();
  await until(() => app.client.sync.status.connection === "online");
  const { client } = app;

  const stops = [client.auth.onChange, client.sync.onStatus, client.outbox.onChange].map((on) => on(fail));
  stops.push(client.favourites.watch(fail), client.chat.watchRooms(fail), client.profile.watch(fail));
  const { id } = await client.chat.createRoom({ kind: "group", memberIds: [] });
  stops.push(client.chat.room(id).watch(fail));
  isFailing = true;
  await client.settings.set("theme", "dark");
  await client.profile.update({ name: "Asha" });
  await until(() => ["edit", "outbox"].every((kind) => written.includes(kind)));
  isFailing = false;
  await untilWithin(
    { clock: app.clock, within: { minutes: 1 }, step: { seconds: 1 } },
    () => client.sync.status.pending === 0,
  );
  for (const stop of stops) stop();

  expect(problems).toBeGreaterThan(1);
  expect(uncaught.length).toBeGreaterThan(problems);
  expect(new Set(uncaught)).toEqual(new Set([mistake]));
});

test("a device shows its own data and sends it again after the server was restored to an earlier state without notice", async () => {
  const { world, friend, app, phone, roomId } = await createOfflineScene();
  const { client } = app;
  const [before = "", after = ""] = await universitiesOf(world, 2);
  await friend.send(roomId, "in the backup");
  await client.favourites.toggle("university", before);
  await client.sync.flush();
  const { path } = await world.admin.admin.database.backup.mutate();
  world.clock.advance({ minutes: 1 });
  await friend.send(roomId, "lost");
  await client.favourites.toggle("university", after);
  await client.settings.set("theme", "dark");
  await client.contacts.add(friend.id);
  await client.profile.update({ name: "Asha" });
  await client.sync.flush();
  expect((await client.contacts.list({ refresh: true })).items).toHaveLength(1);
  expect((await client.profile.get({ refresh: true })).name).toBe("Asha");
  world.clock.advance({ seconds: 1 });
  await until(() => client.chat.rooms()[0]?.preview === "lost");

  await client.close();
  await world.server.close();
  copyFileSync(path, world.databaseUrl.slice("sqlite:".length));
  const putBack = await world.restart();
  const restarted = await app.restart({ url: putBack.url });

  // Data that the student's devices write is complete again, on the server too.
  const { rpc } = await putBack.device({ phone }).signIn();
  await until(async () => (await rpc.favourites.list.query()).items.length === 2);
  expect(restarted.client.favourites.list()).toHaveLength(2);
  expect(restarted.client.settings.get("theme")).toBe("dark");
  // Data that the server decides about is shown as the server has it, once the cached copy is too old.
  restarted.clock.advance({ minutes: 6 });
  const contacts: number[] = [];
  const stop = restarted.client.contacts.watch(({ value }) => contacts.push(value?.items.length ?? -1));
  await until(() => contacts.at(-1) === 0);
  stop();
  await until(async () => (await restarted.client.profile.get()).name === null);
  // Nothing has happened in the room since, so no inbox change names it.
  expect(restarted.client.chat.rooms()).toMatchObject([{ id: roomId, preview: "lost" }]);
  putBack.clock.advance({ hours: 23 });
  await restarted.client.profile.get({ refresh: true });
  putBack.clock.advance({ hours: 2 });
  restarted.setOnline(false);
  restarted.setOnline(true);
  await until(() => restarted.client.chat.rooms()[0]?.preview === "in the backup");
});

test("a closed client leaves no caller waiting and no timer running", async () => {
  const { world, friend, app, roomId } = await createOfflineScene({ limits: { segmentEvents: 4 } });
  const { client } = app;
  const timers = new Set<number>();
  let last = 0;
  const clock = {
    now: () => app.clock.now(),
    after: (delayMs: number, task: () => void) => {
      const timer = (last += 1);
      timers.add(timer);
      const cancel = app.clock.after(delayMs, () => {
        timers.delete(timer);
        task();
      });
      return () => {
        timers.delete(timer);
        cancel();
      };
    },
  };
  await client.close();
  for (let sent = 0; sent < 6; sent += 1) await friend.send(roomId, `Message ${sent}`);
  const tunnel = await createTunnel(world.url);
  const reopened = createClient({
    url: tunnel.url,
    storage: app.storage,
    WebSocket,
    clock,
    onProblem: ({ message }) => expect.fail(message),
  });
  await reopened.ready();
  await until(() => reopened.sync.status.connection === "online" && reopened.chat.rooms().length === 1);
  const states: string[] = [];
  reopened.auth.onChange(({ state }) => states.push(state));
  const room = reopened.chat.room(roomId);
  room.watch(() => {});
  await until(() => room.messages.length > 0 && room.hasOlder);

  // From here on nothing is answered.
  tunnel.swallow();
  tunnel.freeze();
  room.typing(true);
  const older = room.loadOlder().then(
    () => "loaded",
    ({ reason }) => reason,
  );
  const profileCall = reopened.profile.get({ refresh: true }).then(
    () => "answered",
    ({ reason }) => reason,
  );
  await reopened.settings.set("theme", "dark");
  const flushed = reopened.sync.flush().then(
    () => "flushed",
    ({ reason }) => reason,
  );
  await reopened.close();

  expect(await Promise.all([older, profileCall, flushed])).toEqual(["closed", "offline", "outbox/not-empty"]);
  expect(timers.size).toBe(0);
  expect(states).toEqual([]);
});
