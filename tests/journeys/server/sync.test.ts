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
import { DIALECTS } from "../../support/databases/databases.ts";
import { createStudent, openDirect, openGroup, type Student } from "../../support/students/student.ts";
import {
  connectRaw,
  connectStock,
  until,
  untilWithin,
  type StockClient,
} from "../../support/network/sync-client.ts";
import { runTerminal } from "../../support/apps/terminal.ts";
import { createWorld, joinWorld, type World } from "../../support/servers/world.ts";

const targetOf = (world: World, { token }: Student) => ({ url: world.url, token });

const openRoom = (world: World, student: Student, roomId: string, segment = 0): StockClient =>
  connectStock(targetOf(world, student), roomDocumentName(roomId as RoomId, segment));

const openOwn = (world: World, student: Student, doc = new Y.Doc()): StockClient =>
  connectStock(targetOf(world, student), userDocumentName(student.id), { doc });

const say = ({ rpc }: Student, roomId: string, text: string) =>
  rpc.chat.send.mutate({ roomId, text, commandId: uuidv7() });

/** Toggles a favourite in a document, as an app does on the device. */
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
  test("[SY1] [SY14] [SY25] shows two students the same array, rejects a third, and deletes removed messages from every byte", async () => {
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

  test("[SY20] sends a phone that was offline for 500 messages little more than those 500", async () => {
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

    // For comparison: a document with only these 500 events of the client's own array.
    const events = phone.events().slice(-500);
    const alone = new Y.Doc();
    alone.getArray("events").push(events.map((event) => [...event]));
    expect(missed.length).toBeLessThan(Y.encodeStateAsUpdate(alone).length * 1.02);
  });

  test("[SY15] closes the socket of a member who leaves or is removed, and sends nothing afterwards", async () => {
    const world = await createWorld({ dialect });
    const [ada, bo, cy] = [
      await createStudent(world),
      await createStudent(world),
      await createStudent(world),
    ];
    const roomId = await openGroup(ada, [bo, cy]);
    const [bosClient, cysClient] = [openRoom(world, bo, roomId), openRoom(world, cy, roomId)];
    await Promise.all([bosClient.synced(), cysClient.synced()]);

    await bo.rpc.chat.rooms.leave.mutate({ roomId });
    await ada.rpc.chat.rooms.removeMember.mutate({ roomId, userId: cy.id });
    await say(ada, roomId, "now that we are alone");

    expect(await Promise.all([bosClient.closed(), cysClient.closed()])).toEqual([4403, 4403]);
    for (const client of [bosClient, cysClient]) expect(client.texts()).toEqual([]);
    expect(await openRoom(world, bo, roomId).closed()).toBe(CLOSE_CODES.forbidden);
  });

  test("[SY16] lets a member who joins a room with closed history read from the joining on, and nothing before", async () => {
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

  test("[SY39] sends the inbox hint to online devices, for messages and for reading on another device", async () => {
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

  test("[SY12] closes only the sockets of a revoked session", async () => {
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

  test("[SY10] [SY13] closes the sockets of an expired session", async () => {
    const world = await createWorld({ dialect });
    const student = await createStudent(world);
    const raw = await connectRaw(targetOf(world, student), userDocumentName(student.id));
    raw.send(0, 0, 1, 0);
    await until(() => raw.received.length >= 2);

    // The peer answers every ping all the time, but nobody uses the session.
    for (let minute = 0; minute <= 24 * 60 && raw.socket.readyState === raw.socket.OPEN; minute += 1) {
      const pinged = once(raw.socket, "ping");
      world.clock.advance({ minutes: 1 });
      await Promise.race([pinged, raw.closed]);
      // When this is answered, the server has also read the answer to its ping.
      await fetch(`${world.url}/healthz`);
    }

    expect(await raw.closed).toBe(CLOSE_CODES.noSession);
  });

  test("[SY13] keeps a socket open for another 24 hours after a sync message, but not after a barrier", async () => {
    const world = await createWorld({ dialect });
    const [active, quiet] = [await createStudent(world), await createStudent(world)];
    const connect = async (student: Student) => {
      const raw = await connectRaw(targetOf(world, student), userDocumentName(student.id));
      raw.send(0, 0, 1, 0);
      await until(() => raw.received.length >= 2);
      return raw;
    };
    const [syncing, waiting] = [await connect(active), await connect(quiet)];
    const closed = { syncing: false, waiting: false };
    void syncing.closed.then(() => (closed.syncing = true));
    void waiting.closed.then(() => (closed.waiting = true));

    for (let minute = 0; minute <= 25 * 60 && !closed.waiting; minute += 1) {
      const pinged = [syncing, waiting].map(({ socket }) => once(socket, "ping"));
      world.clock.advance({ minutes: 1 });
      await Promise.race([Promise.all(pinged), waiting.closed, syncing.closed]);
      if (minute === 12 * 60) {
        const before = [syncing.received.length, waiting.received.length];
        syncing.send(0, 0, 1, 0);
        waiting.send(MESSAGE_TYPES.barrier, 1, 1);
        await until(() =>
          [syncing, waiting].every(({ received }, at) => received.length > (before[at] ?? 0)),
        );
      }
      // When this is answered, the server has also read the answers to its pings.
      await fetch(`${world.url}/healthz`);
    }

    expect(await waiting.closed).toBe(CLOSE_CODES.noSession);
    expect(closed.syncing).toBe(false);
  });
});

describe.each(DIALECTS)("the user document over the stock client, on %s", (dialect) => {
  test("[SY34] agrees with the table after two devices toggled offline and came back in either order", async () => {
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

  test("[SY32] keeps an edit between connecting and the handshake", async () => {
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

  test("[SY31] [SY37] answers a barrier after the commit of everything before it", async () => {
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

  test("[SY35] sends favourites that were added without Yjs to devices with Yjs", async () => {
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

  test("[SY29] [SY30] closes the socket for bytes that no honest client sends, and changes nothing", async () => {
    const world = await createWorld({ dialect });
    const student = await createStudent(world);
    const device = openOwn(world, student);
    await device.synced();
    toggle(device.doc, randomUUID());
    await until(async () => (await favouritesTable(student)).length === 1);

    // A Yjs update of seven bytes that announces 2^25 structs, and one with an unknown root.
    const unknownRoot = new Y.Doc();
    unknownRoot.getMap("admin").set("isAdmin", true);
    for (const update of [Uint8Array.of(1, 128, 128, 128, 16, 1, 0), Y.encodeStateAsUpdate(unknownRoot)]) {
      const raw = await connectRaw(targetOf(world, student), userDocumentName(student.id));
      raw.send(0, 2, update.length, update);
      expect(await raw.closed).toBe(CLOSE_CODES.malformed);
    }

    expect(device.provider.wsconnected).toBe(true);
    expect(await favouritesTable(student)).toHaveLength(1);
  });
});

describe.skipIf(!DIALECTS.includes("postgres"))("two servers on one PostgreSQL", () => {
  test("[SY12] [SY15] [SY27] pass messages, favourites, revocations and departures from one to the other", async () => {
    const one = await createWorld({ dialect: "postgres" });
    const other = await joinWorld(one);
    const [ada, bo] = [await createStudent(one), await createStudent(one)];
    const roomId = await openGroup(ada, [bo]);
    const bosClient = openRoom(other, bo, roomId);
    const [phone, tablet] = [openOwn(one, ada), openOwn(other, ada)];
    await Promise.all([bosClient, phone, tablet].map((client) => client.synced()));
    const untilPolled = (condition: () => boolean) =>
      untilWithin({ clock: one.clock, within: { seconds: 1 } }, condition);

    await say(ada, roomId, "from the other node");
    await untilPolled(() => bosClient.texts().includes("from the other node"));
    toggle(phone.doc, randomUUID());
    await untilPolled(() => favouritesOf(tablet.doc).length === 1);
    await ada.rpc.chat.rooms.removeMember.mutate({ roomId, userId: bo.id });
    await say(ada, roomId, "after bo");
    let left: number | undefined;
    void bosClient.closed().then((code) => (left = code));
    await untilPolled(() => left !== undefined);
    let ended: number | undefined;
    void tablet.closed().then((code) => (ended = code));
    await ada.rpc.sessions.logout.mutate();
    await untilPolled(() => ended !== undefined);

    expect([left, ended]).toEqual([CLOSE_CODES.forbidden, CLOSE_CODES.noSession]);
    expect(bosClient.texts()).toEqual(["from the other node"]);
  });
});

describe("a server whose database was restored to an earlier state", () => {
  /** A room of two students with three messages, a backup of it, and two messages that the backup lacks. */
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

  test("[SY47] [SY48] refuses older copies after a restore by the command, and accepts fresh ones", async () => {
    const { world, ada, roomId, path, copy } = await createScene();

    await world.server.close();
    const restored = await runTerminal(["db", "restore", path, "--yes"], {
      environment: { EDVOYAGE_DATA_DIR: world.dataDir, EDVOYAGE_DATABASE_URL: world.databaseUrl },
    });
    expect(restored, restored.stderr).toMatchObject({ exitCode: 0 });
    const reopened = await world.restart();
    const session = await reopened.device({ phone: ada.phone }).signIn();
    const vector = Y.encodeStateVector(copy);
    const raw = await connectRaw(
      { url: reopened.url, token: session.token },
      roomDocumentName(roomId as RoomId, 0),
    );
    raw.send(0, 0, vector.length, vector);

    expect(await raw.closed).toBe(CLOSE_CODES.forked);
    const fresh = connectStock(
      { url: reopened.url, token: session.token },
      roomDocumentName(roomId as RoomId, 0),
    );
    await fresh.synced();
    expect(fresh.texts()).toEqual(["a", "b", "c"]);
  });

  test("[SY47] [SY49] refuses a copy that is ahead after a restore without notice, and reveals the others by the id at their head", async () => {
    const { world, ada, roomId, path, copy } = await createScene();

    await world.server.close();
    const file = world.databaseUrl.slice("sqlite:".length);
    copyFileSync(path, file);
    const folder = join(file, "..");
    expect(readdirSync(folder).some((name) => name.endsWith("-wal"))).toBe(false);
    const restored = await world.restart();
    const rpc = restored.rpc({ token: ada.token });
    const name = roomDocumentName(roomId as RoomId, 0);
    const vector = Y.encodeStateVector(copy);
    const ahead = await connectRaw({ url: restored.url, token: ada.token }, name);
    ahead.send(0, 0, vector.length, vector);
    expect(await ahead.closed).toBe(CLOSE_CODES.forked);

    // The lost messages are replaced. Now the state vectors are equal, and only the ids differ.
    for (const text of ["new 1", "new 2"]) await rpc.chat.send.mutate({ roomId, text, commandId: uuidv7() });
    const { rooms } = await rpc.inbox.changes.query();
    const room = rooms.find(({ id }) => id === roomId);
    const { head } = room?.state === "member" ? room : expect.fail();
    const mine = copy.getArray<readonly unknown[]>("events").get(head.index);

    expect(mine[2]).not.toBe(head.id);
    const fresh = connectStock({ url: restored.url, token: ada.token }, name);
    await fresh.synced();
    expect(fresh.texts()).toEqual(["a", "b", "c", "new 1", "new 2"]);
    expect(fresh.events().at(-1)?.[2]).toBe(head.id);
  });
});
