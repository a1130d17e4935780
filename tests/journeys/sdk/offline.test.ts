import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { createApp } from "../../support/apps/app.ts";
import { roundTrips } from "../../support/network/round-trips.ts";
import { textsAt } from "../../support/students/room-texts.ts";
import { createStudent } from "../../support/students/student.ts";
import { until } from "../../support/network/sync-client.ts";
import {
  createOfflineScene,
  OFFLINE,
  textsOn,
  universitiesOf,
  storageContains,
  untilRoomKnown,
} from "../../support/apps/offline-scene.ts";

test("a day offline in which the session ended loses nothing: 500 messages and 50 favourites arrive once and in order", async () => {
  const { world, friend, app, phone, roomId } = await createOfflineScene();
  const universityIds = await universitiesOf(world, 25);
  app.setOnline(false);
  const written = Array.from({ length: 500 }, (_, index) => `Message ${index}`);

  const room = app.client.chat.room(roomId);
  for (const [index, text] of written.entries()) {
    await room.send(text);
    if (index % 10 === 0)
      await app.client.favourites.toggle("university", universityIds[(index / 10) % 25] ?? "");
  }
  expect(app.client.sync.status).toMatchObject({ pending: 550, failed: 0 });
  expect(textsOn(app.client, roomId)).toEqual(written);
  // Each of the 25 favourites was toggled twice. One of them is toggled a third time here.
  await app.client.favourites.toggle("university", universityIds[3] ?? "");

  world.clock.advance({ hours: 25 });
  app.clock.advance({ hours: 25 });
  const restarted = await app.restart();
  await until(() => restarted.client.auth.status.state === "expired" && restarted.requests.length > 0);
  await roundTrips();
  expect(restarted.client.sync.status.pending).toBe(551);
  expect(textsOn(restarted.client, roomId)).toEqual(written);
  const friendAgain = await createStudent(world, { phone: friend.phone });
  expect(await textsAt(friendAgain, roomId)).toEqual([]);
  await restarted.signIn(phone);
  await restarted.client.sync.flush({ timeoutMs: 60_000 });

  expect(await textsAt(friendAgain, roomId)).toEqual(written);
  const { rpc } = await world.device({ phone }).signIn();
  expect((await rpc.favourites.list.query()).items).toMatchObject([
    { kind: "university", id: universityIds[3] },
  ]);
  const stop = restarted.client.chat.room(roomId).watch(() => {});
  await until(() => restarted.client.chat.room(roomId).messages.every(({ state }) => state === "acked"));
  stop();
});

test("the newest setting wins, even after the clock was set back and the app restarted in between", async () => {
  const { app, phone } = await createOfflineScene();
  await app.client.sync.flush();
  app.setOnline(false);
  await app.client.settings.set("theme", "older");
  app.clock.jump({ hours: -1 });
  const restarted = await app.restart(OFFLINE);
  await restarted.client.settings.set("theme", "newer");
  await restarted.client.auth.signOut();

  const last = await restarted.restart({ fetch, WebSocket });
  await last.signIn(phone);
  const shown = last.client.settings.get("theme");
  await last.client.sync.flush();

  expect(shown).toBe("newer");
  expect(last.client.settings.get("theme")).toBe("newer");
});

test("two phones of one student show the same", async () => {
  const { world, friend, app, phone, roomId } = await createOfflineScene();
  const other = await createApp(world);
  await other.signIn(phone);
  await untilRoomKnown(other, roomId);
  const [firstId = "", secondId = ""] = await universitiesOf(world, 2);
  for (const { client } of [app, other]) client.chat.room(roomId).watch(() => {});

  await app.client.chat.room(roomId).send("from the first");
  await until(() => textsOn(other.client, roomId).length === 1);
  await other.client.chat.room(roomId).send("from the second");
  await friend.send(roomId, "from the friend");
  await Promise.all([
    app.client.favourites.toggle("university", firstId),
    other.client.favourites.toggle("university", secondId),
  ]);
  await until(() => textsOn(app.client, roomId).length === 3 && textsOn(other.client, roomId).length === 3);
  await until(() => [app, other].every(({ client }) => client.favourites.list().length === 2));

  expect(textsOn(app.client, roomId)).toEqual(textsOn(other.client, roomId));
  expect(app.client.favourites.list()).toEqual(other.client.favourites.list());
  await app.client.chat.room(roomId).markRead();
  await until(() => other.client.chat.rooms()[0]?.unread === 0);
});

test("a session that ends offline loses nothing: the student reads, writes, signs in again, and everything is sent", async () => {
  const { world, friend, app, phone, roomId } = await createOfflineScene();
  await app.client.chat.room(roomId).send("before");
  await app.client.sync.flush();
  const [universityId = ""] = await universitiesOf(world, 1);
  world.clock.advance({ hours: 25 });
  await app.client.profile.get({ refresh: true }).catch(() => {});
  expect(app.client.auth.state).toBe("expired");

  await app.client.chat.room(roomId).send("while it was over");
  await app.client.favourites.toggle("university", universityId);
  const restarted = await app.restart();
  expect(restarted.client.auth.state).toBe("expired");
  expect(textsOn(restarted.client, roomId).length + restarted.client.sync.status.pending).toBeGreaterThan(1);
  await restarted.signIn(phone);
  await restarted.client.sync.flush();

  const friendAgain = await world.device({ phone: friend.phone }).signIn();
  expect(await textsAt(friendAgain, roomId)).toEqual(["before", "while it was over"]);
  expect(restarted.client.favourites.has("university", universityId)).toBe(true);
});

test("another student on the same phone finds no byte of the first one's data", async () => {
  const { world, friend, app, phone, roomId } = await createOfflineScene();
  const secrets = ["Only for my friend", "Said offline"];
  const room = app.client.chat.room(roomId);
  const stop = room.watch(() => {});
  await room.send(secrets[0] ?? "");
  await friend.send(roomId, "An answer to read");
  await until(() => room.messages.length === 2);
  stop();
  await app.client.sync.flush();
  app.setOnline(false);
  await room.send(secrets[1] ?? "");

  await app.client.auth.signOut();
  const second = await app.restart();
  await second.signIn();
  expect(second.client.chat.rooms()).toEqual([]);
  expect(second.client.outbox.list()).toEqual([]);
  expect(second.client.favourites.list()).toEqual([]);
  expect(room.messages).toEqual([]);
  await until(() => second.client.sync.status.connection === "online");

  // Sent messages are deleted from the device. Unsent ones stay in the first student's store, and are sent under
  // that student's name.
  expect(await storageContains(app.storage, secrets[0] ?? "")).toBe(false);
  expect(await storageContains(app.storage, "An answer to read")).toBe(false);
  expect(await textsAt(friend, roomId)).toEqual([secrets[0], "An answer to read"]);
  await second.signIn(phone);
  await second.client.sync.flush();
  expect(await textsAt(friend, roomId)).toEqual([secrets[0], "An answer to read", secrets[1]]);
  expect(world.sms.length).toBeGreaterThan(2);
});

test("signing out sends, keeps or discards unsent changes", async () => {
  const { friend, app, phone, roomId } = await createOfflineScene();
  const { client } = app;
  await client.chat.room(roomId).send("flushed");
  await client.auth.signOut({ pending: "flush" });
  expect(await app.storage.list()).toEqual(["device"]);

  await app.signIn(phone);
  app.setOnline(false);
  await client.chat.room(roomId).send("discarded");
  const flushing = client.auth.signOut({ pending: "flush", timeoutMs: 1_000 });
  await Promise.resolve();
  app.clock.advance({ seconds: 1 });
  await expect(flushing).rejects.toMatchObject({ reason: "outbox/not-empty", details: { left: 1 } });
  expect(client.auth.state).toBe("signedIn");
  await client.auth.signOut({ pending: "discard" });
  expect(await storageContains(app.storage, "discarded")).toBe(false);

  app.setOnline(true);
  await app.signIn(phone);
  await client.sync.flush();
  expect(await textsAt(friend, roomId)).toEqual(["flushed"]);
});
