import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  CLOSE_CODES,
  favouriteKey,
  MESSAGE_TYPES,
  roomDocumentName,
  userDocumentName,
  type FavouriteValue,
  type RoomId,
  type UniversityId,
} from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { v7 as uuidv7 } from "uuid";
import { YKeyValue } from "y-utility/y-keyvalue";
import * as Y from "yjs";
import { DIALECTS } from "../support/databases.ts";
import { createStudent, openDirect, openGroup, type Student } from "../support/student.ts";
import { connectRaw, connectStock, until, type StockClient } from "../support/sync-client.ts";
import { runTerminal } from "../support/terminal.ts";
import { createWorld, joinWorld, type World } from "../support/world.ts";

const targetOf = (world: World, { token }: Student) => ({ url: world.url, token });

const openRoom = (world: World, student: Student, roomId: string, segment = 0): StockClient =>
  connectStock(targetOf(world, student), roomDocumentName(roomId as RoomId, segment));

const openOwn = (world: World, student: Student, doc = new Y.Doc()): StockClient =>
  connectStock(targetOf(world, student), userDocumentName(student.id), { doc });

const say = ({ rpc }: Student, roomId: string, text: string) =>
  rpc.chat.send.mutate({ roomId, text, commandId: uuidv7() });

/** What an app does to a favourite, on the device alone. */
const toggle = (doc: Y.Doc, id: string): void => {
  const favourites = new YKeyValue<FavouriteValue>(doc.getArray("favourites"));
  const key = favouriteKey({ kind: "university", id: id as UniversityId });
  if (favourites.has(key)) favourites.delete(key);
  else favourites.set(key, { addedAt: 1_788_000_000_000 });
};

const favouritesOf = (doc: Y.Doc): string[] =>
  [...new YKeyValue<FavouriteValue>(doc.getArray("favourites")).map.keys()].sort((a, b) => (a < b ? -1 : 1));

const favouritesTable = async ({ rpc }: Student): Promise<string[]> => {
  const { items } = await rpc.favourites.list.query({ limit: 100 });
  return items.map(({ kind, id }) => `${kind}:${id}`).sort((a, b) => (a < b ? -1 : 1));
};

describe.each(DIALECTS)("chat over the stock client, on %s", (dialect) => {
  test("two students see the same array, a third is closed, and what is removed is gone from every byte", async () => {
    const world = await createWorld({ dialect });
    const [ada, bo, cy] = [
      await createStudent(world),
      await createStudent(world),
      await createStudent(world),
    ];
    const roomId = await openDirect(ada, bo);
    const [one, other] = [openRoom(world, ada, roomId), openRoom(world, bo, roomId)];
    await Promise.all([one.synced(), other.synced()]);

    await say(ada, roomId, "hello");
    const { messageId } = await say(bo, roomId, "a secret");
    await bo.rpc.chat.edit.mutate({ roomId, messageId, text: "a secret, edited" });
    await until(() => other.events().length === one.events().length && one.texts().includes("a secret"));
    await bo.rpc.chat.remove.mutate({ roomId, messageId });
    await say(ada, roomId, "bye");
    await until(() => one.texts().includes("bye") && other.texts().includes("bye"));

    expect(one.events()).toEqual(other.events());
    const late = openRoom(world, ada, roomId);
    await late.synced();
    for (const { doc } of [one, other, late])
      expect(Buffer.from(Y.encodeStateAsUpdate(doc)).toString("latin1")).not.toContain("secret");
    expect(await openRoom(world, cy, roomId).closed()).toBe(CLOSE_CODES.forbidden);
  });

  test("a phone that was offline for 500 messages gets those 500 and little more", async () => {
    const world = await createWorld({ dialect, limits: { segmentEvents: 10_000, segmentBytes: 10_000_000 } });
    const [ada, bo] = [await createStudent(world), await createStudent(world)];
    const roomId = await openDirect(ada, bo);
    for (let index = 0; index < 50; index += 1) await say(bo, roomId, `before ${index}`);
    const phone = openRoom(world, ada, roomId);
    await phone.synced();
    phone.provider.disconnect();
    const vector = Y.encodeStateVector(phone.doc);
    await Promise.all(Array.from({ length: 500 }, (_, index) => say(bo, roomId, `missed ${index}`)));

    const raw = await connectRaw(targetOf(world, ada), roomDocumentName(roomId as RoomId, 0));
    raw.send(0, 0, vector.length, vector);
    await until(() => raw.received.length > 0);
    const missed = raw.received[0] ?? expect.fail();
    phone.provider.connect();
    await until(() => phone.texts().length === 550);

    // The same 500 events by themselves: what follows the first of them in the client's own array.
    const events = phone.events().slice(-500);
    const alone = new Y.Doc();
    alone.getArray("events").push(events.map((event) => [...event]));
    expect(missed.length).toBeLessThan(Y.encodeStateAsUpdate(alone).length * 1.02);
  });

  test("who leaves or is removed is closed, and reads nothing that comes after", async () => {
    const world = await createWorld({ dialect });
    const [ada, bo, cy] = [
      await createStudent(world),
      await createStudent(world),
      await createStudent(world),
    ];
    const roomId = await openGroup(ada, [bo, cy]);
    const [ofBo, ofCy] = [openRoom(world, bo, roomId), openRoom(world, cy, roomId)];
    await Promise.all([ofBo.synced(), ofCy.synced()]);

    await bo.rpc.chat.rooms.leave.mutate({ roomId });
    await ada.rpc.chat.rooms.removeMember.mutate({ roomId, userId: cy.id });
    await say(ada, roomId, "now that we are alone");

    expect(await Promise.all([ofBo.closed(), ofCy.closed()])).toEqual([4403, 4403]);
    for (const client of [ofBo, ofCy]) expect(client.texts()).toEqual([]);
    expect(await openRoom(world, bo, roomId).closed()).toBe(CLOSE_CODES.forbidden);
  });

  test("one who joins a room whose history is closed to her reads from there on, and nothing before", async () => {
    const world = await createWorld({ dialect });
    const [ada, bo, cy] = [
      await createStudent(world),
      await createStudent(world),
      await createStudent(world),
    ];
    const roomId = await openGroup(ada, [bo], { history: "fromJoining" });
    await say(ada, roomId, "before");
    await ada.rpc.contacts.add.mutate({ userId: cy.id });
    await cy.rpc.contacts.add.mutate({ userId: ada.id });

    await ada.rpc.chat.rooms.addMembers.mutate({ roomId, memberIds: [cy.id] });
    await say(ada, roomId, "after");

    const { rooms } = await cy.rpc.inbox.changes.query();
    const room = rooms.find(({ id }) => id === roomId);
    const { segment } = room?.state === "member" ? room.head : expect.fail();
    const client = openRoom(world, cy, roomId, segment);
    await until(() => client.texts().includes("after"));
    expect(client.texts()).toEqual(["after"]);
    for (let earlier = 0; earlier < segment; earlier += 1)
      expect(await openRoom(world, cy, roomId, earlier).closed()).toBe(CLOSE_CODES.forbidden);
  });

  test("the inbox hint reaches whoever is online, for messages and for what another device read", async () => {
    const world = await createWorld({ dialect });
    const [ada, bo] = [await createStudent(world), await createStudent(world)];
    const roomId = await openDirect(ada, bo);
    const phone = await connectRaw(targetOf(world, bo), userDocumentName(bo.id));
    const hints = (): number => phone.received.filter((frame) => frame[0] === MESSAGE_TYPES.inbox).length;
    phone.send(0, 0, 1, 0);
    await until(() => phone.received.length >= 2);

    const { position } = await say(ada, roomId, "hello");
    await until(() => hints() === 1);
    for (let index = 0; index < 20; index += 1) await say(ada, roomId, "and another thing");
    const afterMany = hints();
    world.clock.advance({ ms: 600 });
    await until(() => hints() === 2);
    world.clock.advance({ ms: 600 });
    await bo.rpc.chat.markRead.mutate({ roomId, position });
    await until(() => hints() === 3);

    expect(afterMany).toBe(1);
    expect(phone.received.find((frame) => frame[0] === MESSAGE_TYPES.inbox)).toEqual(Buffer.of(103));
  });

  test("revoking a session closes its sockets, and theirs alone", async () => {
    const world = await createWorld({ dialect });
    const student = await createStudent(world);
    const other = await world.device({ phone: student.phone }).signIn();
    const kept = connectStock({ url: world.url, token: other.token }, userDocumentName(student.id));
    const client = openOwn(world, student);
    await Promise.all([client.synced(), kept.synced()]);

    await other.rpc.sessions.revokeOthers.mutate();

    expect(await client.closed()).toBe(CLOSE_CODES.noSession);
    expect(kept.provider.wsconnected).toBe(true);
  });

  test("a session that expires closes its sockets", async () => {
    const world = await createWorld({ dialect });
    const student = await createStudent(world);
    const raw = await connectRaw(targetOf(world, student), userDocumentName(student.id));
    raw.send(0, 0, 1, 0);
    await until(() => raw.received.length >= 2);

    // The peer is there all the while: it answers every ping. Nobody uses it.
    for (let minute = 0; minute <= 24 * 60 && raw.socket.readyState === raw.socket.OPEN; minute += 1) {
      const pinged = once(raw.socket, "ping");
      world.clock.advance({ minutes: 1 });
      await Promise.race([pinged, raw.closed]);
      // By the time that this is answered, the server has read the answer to its ping.
      await fetch(`${world.url}/healthz`);
    }

    expect(await raw.closed).toBe(CLOSE_CODES.noSession);
  });
});

describe.each(DIALECTS)("the user document over the stock client, on %s", (dialect) => {
  test("two devices toggle offline, come back in either order, and agree with the table", async () => {
    for (const isFirstBackFirst of [true, false]) {
      const world = await createWorld({ dialect });
      const student = await createStudent(world);
      const devices = [openOwn(world, student), openOwn(world, student)] as const;
      await Promise.all(devices.map((device) => device.synced()));
      const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
      toggle(devices[0].doc, a);
      await until(() => favouritesOf(devices[1].doc).length === 1);
      for (const { provider } of devices) provider.disconnect();

      toggle(devices[0].doc, a);
      toggle(devices[0].doc, b);
      toggle(devices[1].doc, c);
      const [first, second] = isFirstBackFirst ? devices : [devices[1], devices[0]];
      first.provider.connect();
      await first.synced();
      second.provider.connect();
      const expected = [`university:${b}`, `university:${c}`].sort((x, y) => (x < y ? -1 : 1));
      await until(() => devices.every(({ doc }) => favouritesOf(doc).join() === expected.join()));
      await until(async () => (await favouritesTable(student)).join() === expected.join());
    }
  });

  test("an edit made between connecting and the handshake is not lost", async () => {
    const world = await createWorld({ dialect });
    const student = await createStudent(world);
    const first = openOwn(world, student);
    await first.synced();
    toggle(first.doc, randomUUID());
    await until(async () => (await favouritesTable(student)).length === 1);
    first.provider.disconnect();
    toggle(first.doc, randomUUID());

    first.provider.connect();
    await until(() => first.provider.wsconnected || first.provider.wsconnecting);
    toggle(first.doc, randomUUID());

    await until(async () => (await favouritesTable(student)).length === 3);
  });

  test("a barrier comes back after the commit of what came before it", async () => {
    const world = await createWorld({ dialect });
    const student = await createStudent(world);
    const doc = new Y.Doc();
    toggle(doc, randomUUID());
    const update = Y.encodeStateAsUpdate(doc);
    const raw = await connectRaw(targetOf(world, student), userDocumentName(student.id));

    raw.send(
      0,
      2,
      ...(update.length < 128 ? [update.length] : [(update.length & 127) | 128, update.length >> 7]),
      update,
    );
    raw.send(MESSAGE_TYPES.barrier, 1, 7);
    await until(() => raw.received.some((frame) => frame[0] === MESSAGE_TYPES.barrier));

    expect(await favouritesTable(student)).toHaveLength(1);
  });

  test("what is added without Yjs reaches the devices that have it", async () => {
    const world = await createWorld({ dialect });
    await world.server.seedIfEmpty();
    const student = await createStudent(world);
    const device = openOwn(world, student);
    await device.synced();
    const [university] = (await student.rpc.universities.list.query({ limit: 1 })).items;
    const favourite = { kind: "university" as const, id: university?.id ?? "" };

    expect(await student.rpc.favourites.add.mutate(favourite)).toEqual({ created: true });
    await until(() => favouritesOf(device.doc).join() === `university:${favourite.id}`);
    toggle(device.doc, favourite.id);
    await until(async () => (await favouritesTable(student)).length === 0);
    expect(await student.rpc.favourites.add.mutate(favourite)).toEqual({ created: true });
  });

  test("bytes that no honest client sends close the socket, and change nothing", async () => {
    const world = await createWorld({ dialect });
    const student = await createStudent(world);
    const device = openOwn(world, student);
    await device.synced();
    toggle(device.doc, randomUUID());
    await until(async () => (await favouritesTable(student)).length === 1);

    // A Yjs update of seven bytes that announces 2^25 structs, and a root that is none of ours.
    const stranger = new Y.Doc();
    stranger.getMap("admin").set("isAdmin", true);
    for (const update of [Uint8Array.of(1, 128, 128, 128, 16, 1, 0), Y.encodeStateAsUpdate(stranger)]) {
      const raw = await connectRaw(targetOf(world, student), userDocumentName(student.id));
      raw.send(0, 2, update.length, update);
      expect(await raw.closed).toBe(CLOSE_CODES.malformed);
    }

    expect(device.provider.wsconnected).toBe(true);
    expect(await favouritesTable(student)).toHaveLength(1);
  });
});

describe.skipIf(!DIALECTS.includes("postgres"))("two servers on one PostgreSQL", () => {
  test("messages, favourites, revocations and departures cross from one to the other", async () => {
    const here = await createWorld({ dialect: "postgres" });
    const there = await joinWorld(here);
    const [ada, bo] = [await createStudent(here), await createStudent(here)];
    const roomId = await openGroup(ada, [bo]);
    const ofBo = openRoom(there, bo, roomId);
    const [phone, tablet] = [openOwn(here, ada), openOwn(there, ada)];
    await Promise.all([ofBo, phone, tablet].map((client) => client.synced()));
    const soon = (condition: () => boolean) =>
      until(() => {
        here.clock.advance({ ms: 400 });
        return condition();
      });

    await say(ada, roomId, "from the other node");
    await soon(() => ofBo.texts().includes("from the other node"));
    toggle(phone.doc, randomUUID());
    await soon(() => favouritesOf(tablet.doc).length === 1);
    await ada.rpc.chat.rooms.removeMember.mutate({ roomId, userId: bo.id });
    await say(ada, roomId, "after bo");
    let left: number | undefined;
    void ofBo.closed().then((code) => (left = code));
    await soon(() => left !== undefined);
    let ended: number | undefined;
    void tablet.closed().then((code) => (ended = code));
    await ada.rpc.sessions.logout.mutate();
    await soon(() => ended !== undefined);

    expect([left, ended]).toEqual([CLOSE_CODES.forbidden, CLOSE_CODES.noSession]);
    expect(ofBo.texts()).toEqual(["from the other node"]);
  });
});

describe("a database that went back in time", () => {
  /** A room of two with three messages, a backup of it, and two messages that the backup lacks. */
  const createScene = async () => {
    const world = await createWorld();
    const [ada, bo] = [await createStudent(world), await createStudent(world)];
    const roomId = await openDirect(ada, bo);
    for (const text of ["a", "b", "c"]) await say(ada, roomId, text);
    const { path } = await world.admin.admin.database.backup.mutate();
    for (const text of ["lost 1", "lost 2"]) await say(ada, roomId, text);
    const client = openRoom(world, ada, roomId);
    await until(() => client.texts().length === 5);
    client.provider.disconnect();
    return { world, ada, bo, roomId, path, copy: client.doc };
  };

  test("by the command: copies of before are told to drop themselves, and fresh ones agree", async () => {
    const { world, ada, roomId, path, copy } = await createScene();

    await world.server.close();
    const restored = await runTerminal(["db", "restore", path, "--yes"], {
      environment: { EDVOYAGE_DATA_DIR: world.dataDir, EDVOYAGE_DATABASE_URL: world.databaseUrl },
    });
    expect(restored, restored.stderr).toMatchObject({ exitCode: 0 });
    const again = await world.restart();
    const session = await again.device({ phone: ada.phone }).signIn();
    const vector = Y.encodeStateVector(copy);
    const raw = await connectRaw(
      { url: again.url, token: session.token },
      roomDocumentName(roomId as RoomId, 0),
    );
    raw.send(0, 0, vector.length, vector);

    expect(await raw.closed).toBe(CLOSE_CODES.forked);
    const fresh = connectStock(
      { url: again.url, token: session.token },
      roomDocumentName(roomId as RoomId, 0),
    );
    await fresh.synced();
    expect(fresh.texts()).toEqual(["a", "b", "c"]);
  });

  test("behind its back: a copy that is ahead is told, and one that is not sees another id at its head", async () => {
    const { world, ada, roomId, path, copy } = await createScene();

    await world.server.close();
    const file = world.databaseUrl.slice("sqlite:".length);
    copyFileSync(path, file);
    const folder = join(file, "..");
    expect(readdirSync(folder).some((name) => name.endsWith("-wal"))).toBe(false);
    const again = await world.restart();
    const rpc = again.rpc({ token: ada.token });
    const name = roomDocumentName(roomId as RoomId, 0);
    const vector = Y.encodeStateVector(copy);
    const ahead = await connectRaw({ url: again.url, token: ada.token }, name);
    ahead.send(0, 0, vector.length, vector);
    expect(await ahead.closed).toBe(CLOSE_CODES.forked);

    // Written over: now the state vectors are equal, and only the ids tell.
    for (const text of ["new 1", "new 2"]) await rpc.chat.send.mutate({ roomId, text, commandId: uuidv7() });
    const { rooms } = await rpc.inbox.changes.query();
    const room = rooms.find(({ id }) => id === roomId);
    const { head } = room?.state === "member" ? room : expect.fail();
    const mine = copy.getArray<readonly unknown[]>("events").get(head.index);

    expect(mine[2]).not.toBe(head.id);
    const fresh = connectStock({ url: again.url, token: ada.token }, name);
    await fresh.synced();
    expect(fresh.texts()).toEqual(["a", "b", "c", "new 1", "new 2"]);
    expect(fresh.events().at(-1)?.[2]).toBe(head.id);
  });
});
