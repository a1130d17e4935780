import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createStudent, openDirect } from "../../support/students/student.ts";
import { createWorld, expectRefusal, joinWorld } from "../../support/servers/world.ts";
import { createRoomScene, roomIds } from "../../support/students/room-scene.ts";

describe.each(DIALECTS)("a direct room, on %s", (dialect) => {
  test("exists once per pair, whoever opens it and however often", async () => {
    const { ada, bo, cy } = await createRoomScene(dialect);

    const first = await ada.rpc.chat.rooms.create.mutate({ kind: "direct", memberIds: [bo.id] });
    const reopened = await bo.rpc.chat.rooms.create.mutate({ kind: "direct", memberIds: [ada.id] });
    const withCy = await openDirect(ada, cy);

    expect(first).toMatchObject({ kind: "direct", name: null, memberCount: 2, peer: { id: bo.id } });
    expect(reopened).toMatchObject({ id: first.id, peer: { id: ada.id } });
    expect(withCy).not.toBe(first.id);
    expect(await roomIds(bo)).toEqual([first.id]);
  });

  test("exists once when both students open it twenty times at once", async () => {
    const { ada, bo } = await createRoomScene(dialect);

    const opened = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 ? openDirect(ada, bo) : openDirect(bo, ada))),
    );

    expect(new Set(opened).size).toBe(1);
    expect(await roomIds(ada)).toEqual(await roomIds(bo));
    const { members } = await ada.rpc.chat.rooms.get.query({ roomId: opened[0] ?? "" });
    expect(members).toHaveLength(2);
  });

  test("needs exactly one other student, who exists", async () => {
    const { ada, bo, cy } = await createRoomScene(dialect);
    const open = (memberIds: string[]) => ada.rpc.chat.rooms.create.mutate({ kind: "direct", memberIds });

    await expectRefusal(open([]), "input/invalid");
    await expectRefusal(open([bo.id, cy.id]), "input/invalid");
    await expectRefusal(open([ada.id]), "input/invalid");
    await expectRefusal(open([uuidv7()]), "not-found");
    await expectRefusal(open(["\0"]), "input/invalid");
  });

  test.each(["the opener", "the other"])("cannot be opened after a block by %s", async (blocker) => {
    const { ada, bo } = await createRoomScene(dialect);
    await (blocker === "the other" ? bo.blocks(ada) : ada.blocks(bo));

    await expectRefusal(openDirect(ada, bo), "forbidden");
    expect(await roomIds(ada)).toEqual([]);
  });

  test("takes back a member who left when either student opens it again, with what was said in the meantime", async () => {
    const { ada, bo } = await createRoomScene(dialect);
    const roomId = await openDirect(ada, bo);
    await ada.send(roomId, "Before");
    await bo.rpc.chat.rooms.leave.mutate({ roomId });
    expect(await roomIds(bo)).toEqual([]);
    await ada.send(roomId, "Are you there?");

    expect(await openDirect(ada, bo)).toBe(roomId);

    expect(await bo.texts(roomId)).toEqual(["Before", "Are you there?"]);
    const { rooms } = await bo.rpc.inbox.changes.query();
    expect(rooms).toMatchObject([{ id: roomId, unread: 2 }]);
    await ada.rpc.chat.rooms.leave.mutate({ roomId });
    expect(await openDirect(ada, bo)).toBe(roomId);
    expect(await ada.texts(roomId)).toHaveLength(2);
    expect((await ada.rpc.chat.rooms.get.query({ roomId })).memberCount).toBe(2);
  });

  test("counts against a daily limit with strangers, but not with friends or when it exists already", async () => {
    const { world, ada, bo, cy } = await createRoomScene(dialect, { directRoomsWithStrangersPerDay: 1 });
    const friend = await createStudent(world);
    await friend.knows(ada);
    const roomId = await openDirect(ada, bo);

    await expectRefusal(openDirect(ada, cy), "limit/reached", { limit: "directRoomsWithStrangersPerDay" });
    expect(await openDirect(ada, bo)).toBe(roomId);
    await openDirect(ada, friend);
    await openDirect(cy, bo);
    world.clock.advance({ hours: 12 });
    await expectRefusal(openDirect(ada, cy), "limit/reached");
    world.clock.advance({ hours: 12 });
    await openDirect(ada, cy);
  });

  test("counts strangers correctly when many are met at once", async () => {
    const { world, ada } = await createRoomScene(dialect, { directRoomsWithStrangersPerDay: 2 });
    const others = await Promise.all(Array.from({ length: 6 }, () => createStudent(world)));

    const settled = await Promise.allSettled(others.map((other) => openDirect(ada, other)));

    expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
  });

  test("has no name, no admins and no further members", async () => {
    const { ada, bo, cy } = await createRoomScene(dialect);
    const roomId = await openDirect(ada, bo);
    const { rooms } = ada.rpc.chat;

    await expectRefusal(rooms.rename.mutate({ roomId, name: "Us" }), "forbidden");
    await expectRefusal(rooms.addMembers.mutate({ roomId, memberIds: [cy.id] }), "forbidden");
    await expectRefusal(rooms.removeMember.mutate({ roomId, userId: bo.id }), "forbidden");
    await expectRefusal(rooms.setRole.mutate({ roomId, userId: bo.id, role: "admin" }), "forbidden");
  });
});

// Needs PostgreSQL; databases.setup.ts prints what was skipped on a machine without one.
describe.skipIf(!DIALECTS.includes("postgres"))("two servers on one PostgreSQL", () => {
  test("open one direct room for a pair that opens it on both at once", async () => {
    const one = await createWorld({ dialect: "postgres" });
    const other = await joinWorld(one);
    const [ada, bo] = [await createStudent(one), await createStudent(one)];
    const boOnOther = { ...bo, rpc: other.rpc({ token: bo.token }) };

    const opened = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        index % 2 ? openDirect(ada, bo) : openDirect(boOnOther, ada),
      ),
    );

    expect(new Set(opened).size).toBe(1);
    expect((await ada.rpc.chat.rooms.get.query({ roomId: opened[0] ?? "" })).memberCount).toBe(2);
  });
});
