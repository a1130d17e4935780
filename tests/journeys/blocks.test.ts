import { roomDocumentName, type RoomId, type UserId } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../support/databases.ts";
import { createStudent, openGroup, type Student } from "../support/student.ts";
import { connectRaw, connectStock, until, type StockClient } from "../support/sync-client.ts";
import { createWorld, expectRefusal, joinWorld, type World } from "../support/world.ts";

const openRoom = async (world: World, { token }: Student, roomId: string): Promise<StockClient> => {
  const client = connectStock({ url: world.url, token }, roomDocumentName(roomId as RoomId, 0));
  await client.synced();
  return client;
};

/** Whose presence a client shows, but for its own. */
const seenBy = ({ provider: { awareness } }: StockClient): UserId[] =>
  [...awareness.getStates()].filter(([id]) => id !== awareness.clientID).map(([, state]) => state.user?.id);

const says = ({ provider }: StockClient, mood: string): void => provider.awareness.setLocalState({ mood });

/** Lets presence that there is come: what is sent after it has come. */
const pass = async (world: World, from: StockClient, to: StockClient): Promise<void> => {
  const mark = `mark ${Math.random()}`;
  says(from, mark);
  await until(() => {
    world.clock.advance({ ms: 200 });
    return [...to.provider.awareness.getStates().values()].some((state) => state.mood === mark);
  });
};

describe.each(DIALECTS)("whom a student has blocked, on %s", (dialect) => {
  test("sees nothing of her presence in a room that they share, from the moment of the block to its end", async () => {
    const world = await createWorld({ dialect });
    const [ada, bo, cy] = [
      await createStudent(world),
      await createStudent(world),
      await createStudent(world),
    ];
    const roomId = await openGroup(ada, [bo, cy]);
    const [hers, his, third] = await Promise.all([ada, bo, cy].map((one) => openRoom(world, one, roomId)));
    if (!hers || !his || !third) throw new Error("A room did not open");
    says(hers, "calm");
    await pass(world, third, his);
    await until(() => seenBy(his).includes(ada.id));

    await ada.blocks(bo);
    await until(() => !seenBy(his).includes(ada.id));
    says(hers, "typing");
    await pass(world, third, his);

    expect(seenBy(his)).toEqual([cy.id]);
    await until(() => seenBy(third).includes(ada.id));
    // Nor who comes later, nor who asks.
    const again = await openRoom(world, bo, roomId);
    await pass(world, third, again);
    expect(seenBy(again)).not.toContain(ada.id);
    const raw = await connectRaw({ url: world.url, token: bo.token }, roomDocumentName(roomId as RoomId, 0));
    raw.send(3);
    await pass(world, third, again);
    expect(Buffer.concat(raw.received).toString("latin1")).not.toContain(ada.id);
    // She sees him: it is he who is blocked.
    says(his, "here");
    await until(() => {
      world.clock.advance({ ms: 200 });
      return seenBy(hers).includes(bo.id);
    });

    await ada.rpc.contacts.update.mutate({ userId: bo.id, blocked: false });
    await until(() => {
      world.clock.advance({ ms: 200 });
      return seenBy(his).includes(ada.id) && seenBy(again).includes(ada.id);
    });
  });

  test("is told neither how far she has read nor that she has, nor who she is", async () => {
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
    const [told] = (await bo.rpc.notifications.recent.query()).items;
    expect(told).toMatchObject({ kind: "followed", actor: { id: ada.id, name: null } });
    const { notifications } = await bo.rpc.inbox.changes.query({ since: null });
    expect(JSON.stringify(notifications)).not.toContain("Ada");
    // A conversation needs names.
    const { members } = await bo.rpc.chat.rooms.get.query({ roomId });
    expect(members.find(({ userId }) => userId === ada.id)).toMatchObject({ name: "Ada" });
  });

  test("is not told the name of her who is invited to a room of his", async () => {
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

test("a block that another node was told of hides presence on this one", async () => {
  const world = await createWorld({ dialect: "postgres" });
  const node = await joinWorld(world);
  const [ada, bo] = [await createStudent(world), await createStudent(world)];
  const roomId = await openGroup(ada, [bo]);
  const [hers, his] = [await openRoom(world, ada, roomId), await openRoom(world, bo, roomId)];
  await pass(world, hers, his);

  await node.rpc({ token: ada.token }).contacts.update.mutate({ userId: bo.id, blocked: true });

  await until(() => {
    world.clock.advance({ ms: 200 });
    return !seenBy(his).includes(ada.id);
  });
  expect(seenBy(his)).toEqual([]);
});
