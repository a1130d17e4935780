import { once } from "node:events";
import {
  CLOSE_CODES,
  MESSAGE_TYPES,
  roomDocumentName,
  userDocumentName,
  type RoomId,
} from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createStudent, openDirect, openGroup, type Student } from "../../support/students/student.ts";
import { connectRaw, connectStock, until } from "../../support/network/sync-client.ts";
import { createWorld } from "../../support/servers/world.ts";
import { targetOf, openRoom, openOwn, say } from "../../support/students/stock-student.ts";

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
