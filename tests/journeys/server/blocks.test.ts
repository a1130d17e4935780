import { roomDocumentName, type RoomId, type UserId } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createStudent, openGroup, type Student } from "../../support/students/student.ts";
import { connectRaw, until, untilWithin, type StockClient } from "../../support/network/sync-client.ts";
import { createWorld, expectRefusal, joinWorld, type World } from "../../support/servers/world.ts";
import { openRoom } from "../../support/students/stock-student.ts";

const openSyncedRoom = async (world: World, student: Student, roomId: string): Promise<StockClient> => {
  const client = openRoom(world, student, roomId);
  await client.synced();
  return client;
};

/** The students whose presence a client shows, except its own. */
const seenBy = ({ provider: { awareness } }: StockClient): UserId[] =>
  [...awareness.getStates()].filter(([id]) => id !== awareness.clientID).map(([, state]) => state.user?.id);

const setMood = ({ provider }: StockClient, mood: string): void => provider.awareness.setLocalState({ mood });

/**
 * Waits until earlier presence has arrived: sends a mark after it and waits for that mark. It promises no time: the server
 * waits between two sendings of presence, and may receive the mark only after a second of fake time.
 */
const untilPresenceArrived = async (world: World, from: StockClient, to: StockClient): Promise<void> => {
  const mark = `mark ${Math.random()}`;
  setMood(from, mark);
  await untilWithin({ clock: world.clock, within: { seconds: 10 } }, () =>
    [...to.provider.awareness.getStates().values()].some((state) => state.mood === mark),
  );
};

describe.each(DIALECTS)("a blocked student, on %s", (dialect) => {
  test("[SY42] cannot see the blocker's presence in a shared room from the start of the block to its end", async () => {
    const world = await createWorld({ dialect });
    const [ada, bo, cy] = [
      await createStudent(world),
      await createStudent(world),
      await createStudent(world),
    ];
    const roomId = await openGroup(ada, [bo, cy]);
    const [adasRoom, bosRoom, cysRoom] = await Promise.all(
      [ada, bo, cy].map((student) => openSyncedRoom(world, student, roomId)),
    );
    if (!adasRoom || !bosRoom || !cysRoom) throw new Error("A room did not open");
    setMood(adasRoom, "calm");
    await untilPresenceArrived(world, cysRoom, bosRoom);
    await until(() => seenBy(bosRoom).includes(ada.id));

    await ada.blocks(bo);
    await until(() => !seenBy(bosRoom).includes(ada.id));
    setMood(adasRoom, "typing");
    await untilPresenceArrived(world, cysRoom, bosRoom);

    expect(seenBy(bosRoom)).toEqual([cy.id]);
    await until(() => seenBy(cysRoom).includes(ada.id));
    // A connection opened later does not see it either, even when it queries the presence.
    const bosSecondRoom = await openSyncedRoom(world, bo, roomId);
    await untilPresenceArrived(world, cysRoom, bosSecondRoom);
    expect(seenBy(bosSecondRoom)).not.toContain(ada.id);
    const raw = await connectRaw({ url: world.url, token: bo.token }, roomDocumentName(roomId as RoomId, 0));
    raw.send(3);
    await untilPresenceArrived(world, cysRoom, bosSecondRoom);
    expect(Buffer.concat(raw.received).toString("latin1")).not.toContain(ada.id);
    // The block has one direction: Ada still sees Bo.
    setMood(bosRoom, "here");
    await untilWithin({ clock: world.clock, within: { seconds: 1 } }, () => seenBy(adasRoom).includes(bo.id));

    await ada.rpc.contacts.update.mutate({ userId: bo.id, blocked: false });
    await untilWithin(
      { clock: world.clock, within: { seconds: 1 } },
      () => seenBy(bosRoom).includes(ada.id) && seenBy(bosSecondRoom).includes(ada.id),
    );
  });

  test("learns neither the blocker's name nor what the blocker has read", async () => {
    const world = await createWorld({ dialect });
    const [ada, bo, cy] = [
      await createStudent(world),
      await createStudent(world),
      await createStudent(world),
    ];
    const roomId = await openGroup(ada, [bo, cy]);
    await bo.knows(ada);
    await ada.rpc.profile.update.mutate({ name: "Ada", bio: "Hello" });
    await ada.rpc.social.follow.mutate({ userId: bo.id });
    const { position } = await cy.send(roomId, "Hello");
    const readers = async (student: Student, since: number | null) => {
      const { rooms } = await student.rpc.inbox.changes.query({ since });
      return rooms.map((room) =>
        room.state === "member" ? room.othersRead.map(({ userId }) => userId) : [],
      );
    };
    await ada.blocks(bo);
    world.clock.advance({ minutes: 1 });

    await ada.rpc.chat.markRead.mutate({ roomId, position });

    expect(await readers(bo, world.clock.now())).toEqual([]);
    expect(await readers(bo, null)).toEqual([[cy.id]]);
    expect((await readers(cy, world.clock.now()))[0]?.toSorted()).toEqual([ada.id, bo.id].toSorted());
    expect((await bo.rpc.contacts.list.query()).items).toMatchObject([{ userId: ada.id, name: null }]);
    await expectRefusal(bo.rpc.profile.of.query({ userId: ada.id }), "not-found");
    const [notification] = (await bo.rpc.notifications.recent.query()).items;
    expect(notification).toMatchObject({ kind: "followed", actor: { id: ada.id, name: null } });
    const { notifications } = await bo.rpc.inbox.changes.query({ since: null });
    expect(JSON.stringify(notifications)).not.toContain("Ada");
    // A conversation needs names: members of a room stay named.
    const { members } = await bo.rpc.chat.rooms.get.query({ roomId });
    expect(members.find(({ userId }) => userId === ada.id)).toMatchObject({ name: "Ada" });
  });

  test("cannot learn the blocker's name from an invitation to a shared room", async () => {
    const world = await createWorld({ dialect });
    const [ada, bo, cy] = [
      await createStudent(world),
      await createStudent(world),
      await createStudent(world),
    ];
    const roomId = await openGroup(ada, [bo]);
    await cy.rpc.profile.update.mutate({ name: "Cy" });
    await cy.blocks(bo);

    await ada.rpc.chat.rooms.addMembers.mutate({ roomId, memberIds: [cy.id] });

    const invitedAsSeenBy = async ({ rpc }: Student) =>
      (await rpc.chat.rooms.get.query({ roomId })).invited.map(({ userId, name }) => ({ userId, name }));
    expect(await invitedAsSeenBy(ada)).toEqual([{ userId: cy.id, name: "Cy" }]);
    expect(await invitedAsSeenBy(bo)).toEqual([{ userId: cy.id, name: null }]);
  });
});

test("[SY42] a block that was set on another node hides presence on this one", async () => {
  const world = await createWorld({ dialect: "postgres" });
  const node = await joinWorld(world);
  const [ada, bo] = [await createStudent(world), await createStudent(world)];
  const roomId = await openGroup(ada, [bo]);
  const [adasRoom, bosRoom] = [
    await openSyncedRoom(world, ada, roomId),
    await openSyncedRoom(world, bo, roomId),
  ];
  await untilPresenceArrived(world, adasRoom, bosRoom);

  await node.rpc({ token: ada.token }).contacts.update.mutate({ userId: bo.id, blocked: true });

  await untilWithin({ clock: world.clock, within: { seconds: 1 } }, () => !seenBy(bosRoom).includes(ada.id));
  expect(seenBy(bosRoom)).toEqual([]);
});
