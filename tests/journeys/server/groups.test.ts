import { v7 as uuidv7 } from "uuid";
import { refusalOf } from "@edvoyage/client-sdk/rpc";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createStudent, openDirect, openGroup, type Student } from "../../support/students/student.ts";
import { expectRefusal } from "../../support/servers/world.ts";
import { createRoomScene, rolesOf, roomIds } from "../../support/students/room-scene.ts";

const invitationIds = async ({ rpc }: Student): Promise<string[]> =>
  (await rpc.inbox.changes.query()).invitations.map(({ id }) => id);

describe.each(DIALECTS)("a group, on %s", (dialect) => {
  test("adds students who have the owner as a contact, and invites others, who decide for themselves", async () => {
    const { world, ada, bo, cy } = await createRoomScene(dialect);
    const di = await createStudent(world);
    await bo.knows(ada);

    const room = await ada.rpc.chat.rooms.create.mutate({
      kind: "group",
      memberIds: [bo.id, cy.id, di.id, bo.id, ada.id],
      name: "  Study abroad  ",
    });
    const { id: roomId } = room;

    expect(room).toMatchObject({ kind: "group", name: "Study abroad", role: "owner", history: "all" });
    expect(await rolesOf(ada, roomId)).toEqual({ [ada.id]: "owner", [bo.id]: "member" });
    expect(room.invited.map(({ userId }) => userId).sort()).toEqual([cy.id, di.id].sort());
    await expectRefusal(cy.rpc.chat.rooms.get.query({ roomId }), "not-found");
    await expectRefusal(cy.send(roomId, "Hello"), "not-found");
    expect((await cy.rpc.inbox.changes.query()).invitations).toMatchObject([
      { id: roomId, name: "Study abroad", invitedBy: ada.id, memberCount: 2 },
    ]);
    await cy.rpc.chat.rooms.acceptInvitation.mutate({ roomId });
    await di.rpc.chat.rooms.declineInvitation.mutate({ roomId });
    await cy.send(roomId, "Hello");
    const after = await ada.rpc.chat.rooms.get.query({ roomId });
    expect(after.members.map(({ userId }) => userId)).toEqual([ada.id, bo.id, cy.id]);
    expect(after).toMatchObject({ memberCount: 3, invited: [] });
    expect(await invitationIds(cy)).toEqual([]);
    expect(await invitationIds(di)).toEqual([]);
    await expectRefusal(di.rpc.chat.rooms.acceptInvitation.mutate({ roomId }), "not-found");
    await expectRefusal(cy.rpc.chat.rooms.declineInvitation.mutate({ roomId }), "not-found");
  });

  test("lets the owner, admins and members do what their role allows, and no more", async () => {
    const { world, ada, bo, cy } = await createRoomScene(dialect);
    const [di, eve] = [await createStudent(world), await createStudent(world)];
    const roomId = await openGroup(ada, [bo, cy, di]);
    const [owner, admin, member] = [ada.rpc.chat.rooms, bo.rpc.chat.rooms, cy.rpc.chat.rooms];
    await owner.setRole.mutate({ roomId, userId: bo.id, role: "admin" });

    await expectRefusal(member.rename.mutate({ roomId, name: "Ours" }), "forbidden");
    await expectRefusal(member.addMembers.mutate({ roomId, memberIds: [eve.id] }), "forbidden");
    await expectRefusal(member.removeMember.mutate({ roomId, userId: di.id }), "forbidden");
    await expectRefusal(member.setRole.mutate({ roomId, userId: cy.id, role: "owner" }), "forbidden");
    await expectRefusal(admin.setRole.mutate({ roomId, userId: cy.id, role: "admin" }), "forbidden");
    await expectRefusal(admin.removeMember.mutate({ roomId, userId: ada.id }), "forbidden");
    await expectRefusal(owner.setRole.mutate({ roomId, userId: ada.id, role: "member" }), "input/invalid");
    await expectRefusal(owner.setRole.mutate({ roomId, userId: eve.id, role: "admin" }), "not-found");
    await expectRefusal(owner.removeMember.mutate({ roomId, userId: eve.id }), "not-found");
    await expectRefusal(owner.removeMember.mutate({ roomId, userId: ada.id }), "input/invalid");
    await expectRefusal(owner.addMembers.mutate({ roomId, memberIds: [uuidv7()] }), "not-found");
    expect(await admin.rename.mutate({ roomId, name: "Ours" })).toMatchObject({ name: "Ours" });
    await admin.addMembers.mutate({ roomId, memberIds: [eve.id] });
    expect(await invitationIds(eve)).toEqual([roomId]);
    await admin.removeMember.mutate({ roomId, userId: eve.id });
    expect(await invitationIds(eve)).toEqual([]);
    await admin.removeMember.mutate({ roomId, userId: di.id });
    expect(await rolesOf(ada, roomId)).toEqual({ [ada.id]: "owner", [bo.id]: "admin", [cy.id]: "member" });
    await owner.setRole.mutate({ roomId, userId: cy.id, role: "owner" });
    expect(await rolesOf(ada, roomId)).toEqual({ [ada.id]: "admin", [bo.id]: "admin", [cy.id]: "owner" });
    await expectRefusal(admin.removeMember.mutate({ roomId, userId: ada.id }), "forbidden");
    await member.removeMember.mutate({ roomId, userId: ada.id });
    expect(await roomIds(ada)).toEqual([]);
  });

  test("passes from a leaving owner to the oldest admin, otherwise to the oldest member, otherwise to nobody", async () => {
    const { world, ada, bo, cy } = await createRoomScene(dialect);
    const di = await createStudent(world);
    const roomId = await openGroup(ada, [bo]);
    for (const joiner of [cy, di]) {
      world.clock.advance({ seconds: 1 });
      await joiner.knows(ada);
      await ada.rpc.chat.rooms.addMembers.mutate({ roomId, memberIds: [joiner.id] });
    }
    await ada.rpc.chat.rooms.setRole.mutate({ roomId, userId: di.id, role: "admin" });
    const eve = await createStudent(world);
    await ada.rpc.chat.rooms.addMembers.mutate({ roomId, memberIds: [eve.id] });

    await ada.rpc.chat.rooms.leave.mutate({ roomId });
    expect(await rolesOf(bo, roomId)).toEqual({ [bo.id]: "member", [cy.id]: "member", [di.id]: "owner" });
    await di.rpc.chat.rooms.leave.mutate({ roomId });
    expect(await rolesOf(bo, roomId)).toEqual({ [bo.id]: "owner", [cy.id]: "member" });
    await cy.rpc.chat.rooms.leave.mutate({ roomId });
    await bo.rpc.chat.rooms.leave.mutate({ roomId });

    expect(await roomIds(bo)).toEqual([]);
    expect(await invitationIds(eve)).toEqual([]);
    await expectRefusal(eve.rpc.chat.rooms.acceptInvitation.mutate({ roomId }), "not-found");
    await expectRefusal(bo.rpc.chat.rooms.leave.mutate({ roomId }), "not-found");
  });

  test.each(["by the adder", "by the added"])(
    "cannot add or invite a student after a block %s",
    async (blocker) => {
      const { ada, bo, cy } = await createRoomScene(dialect);
      const roomId = await openGroup(ada, [cy]);
      await bo.knows(ada);
      await (blocker === "by the adder" ? ada.blocks(bo) : bo.blocks(ada));
      const { rooms } = ada.rpc.chat;

      await expectRefusal(rooms.addMembers.mutate({ roomId, memberIds: [bo.id] }), "forbidden");
      await expectRefusal(rooms.create.mutate({ kind: "group", memberIds: [bo.id] }), "forbidden");
      expect(await roomIds(bo)).toEqual([]);
      expect(await invitationIds(bo)).toEqual([]);
    },
  );

  test("[SY16] shows nothing earlier to a newcomer or to a member who returns, if its history starts at joining", async () => {
    const { ada, bo, cy } = await createRoomScene(dialect);
    const roomId = await openGroup(ada, [bo], { history: "fromJoining" });
    await ada.send(roomId, "Before Cy");
    await cy.knows(ada);

    await ada.rpc.chat.rooms.addMembers.mutate({ roomId, memberIds: [cy.id] });
    const sent = await ada.send(roomId, "With Cy");
    expect(sent.position).toEqual({ segment: 1, index: 1 });
    expect(await cy.texts(roomId)).toEqual(["With Cy"]);
    expect((await cy.rpc.chat.rooms.get.query({ roomId })).fromSegment).toBe(1);
    await bo.rpc.chat.rooms.leave.mutate({ roomId });
    await ada.send(roomId, "Without Bo");
    await ada.rpc.chat.rooms.addMembers.mutate({ roomId, memberIds: [bo.id] });
    await ada.send(roomId, "Bo is back");

    expect(await bo.texts(roomId)).toEqual(["Bo is back"]);
    expect(await cy.texts(roomId)).toEqual(["With Cy", "Without Bo", "Bo is back"]);
    expect(await ada.texts(roomId)).toHaveLength(4);
  });

  test("refuses a newcomer's replies, edits, removals and reactions for messages that they cannot read", async () => {
    const { ada, bo, cy } = await createRoomScene(dialect);
    const roomId = await openGroup(ada, [bo], { history: "fromJoining" });
    const { messageId } = await ada.send(roomId, "Before Cy");
    await cy.knows(ada);
    await ada.rpc.chat.rooms.addMembers.mutate({ roomId, memberIds: [cy.id] });
    await ada.rpc.chat.rooms.setRole.mutate({ roomId, userId: cy.id, role: "admin" });

    await expectRefusal(cy.send(roomId, "What?", messageId), "not-found");
    await expectRefusal(cy.rpc.chat.react.mutate({ roomId, messageId, emoji: "👍" }), "not-found");
    await expectRefusal(cy.rpc.chat.remove.mutate({ roomId, messageId }), "not-found");
  });

  test("shows a newcomer every message and marks none as unread, if it shows its full history", async () => {
    const { ada, bo, cy } = await createRoomScene(dialect, { segmentEvents: 4 });
    const roomId = await openGroup(ada, [bo]);
    for (const text of ["1", "2", "3", "4", "5"]) await ada.send(roomId, text);
    await cy.knows(ada);

    await ada.rpc.chat.rooms.addMembers.mutate({ roomId, memberIds: [cy.id] });

    expect(await cy.texts(roomId)).toEqual(["1", "2", "3", "4", "5"]);
    expect((await cy.rpc.inbox.changes.query()).rooms).toMatchObject([{ id: roomId, unread: 0 }]);
    await ada.send(roomId, "6");
    expect((await cy.rpc.inbox.changes.query()).rooms).toMatchObject([{ id: roomId, unread: 1 }]);
  });

  test("refuses every call of students outside and of students who have left", async () => {
    const { ada, bo, cy } = await createRoomScene(dialect);
    const roomId = await openGroup(ada, [bo]);
    const { messageId } = await bo.send(roomId, "Hello");
    await bo.rpc.chat.rooms.leave.mutate({ roomId });

    for (const { rpc, send, id } of [bo, cy]) {
      const { chat } = rpc;
      const calls = [
        send(roomId, "Hello?"),
        chat.edit.mutate({ roomId, messageId, text: "Changed" }),
        chat.remove.mutate({ roomId, messageId }),
        chat.react.mutate({ roomId, messageId, emoji: "👍" }),
        chat.markRead.mutate({ roomId, position: { segment: 0, index: 1 } }),
        chat.history.query({ roomId }),
        chat.rooms.get.query({ roomId }),
        chat.rooms.rename.mutate({ roomId, name: "Mine" }),
        chat.rooms.addMembers.mutate({ roomId, memberIds: [id] }),
        chat.rooms.removeMember.mutate({ roomId, userId: ada.id }),
        chat.rooms.setRole.mutate({ roomId, userId: id, role: "owner" }),
        chat.rooms.leave.mutate({ roomId }),
        chat.rooms.acceptInvitation.mutate({ roomId }),
        chat.rooms.declineInvitation.mutate({ roomId }),
      ];
      await Promise.all(calls.map((call) => expectRefusal(call, "not-found")));
    }
    expect(await ada.texts(roomId)).toEqual(["Hello"]);
  });

  test("holds no more students than its limit, including those invited", async () => {
    const { world, ada, bo, cy } = await createRoomScene(dialect, { roomMembers: 3 });
    const di = await createStudent(world);
    const { rooms } = ada.rpc.chat;
    const limit = { limit: "roomMembers" };

    await expectRefusal(
      rooms.create.mutate({ kind: "group", memberIds: [bo.id, cy.id, di.id] }),
      "limit/reached",
      limit,
    );
    await bo.knows(ada);
    const { id: roomId } = await rooms.create.mutate({ kind: "group", memberIds: [bo.id, cy.id] });
    await expectRefusal(rooms.addMembers.mutate({ roomId, memberIds: [di.id] }), "limit/reached", limit);
    await rooms.addMembers.mutate({ roomId, memberIds: [bo.id, cy.id] });
    await cy.rpc.chat.rooms.declineInvitation.mutate({ roomId });
    await rooms.addMembers.mutate({ roomId, memberIds: [di.id] });
    await di.rpc.chat.rooms.acceptInvitation.mutate({ roomId });
    await expectRefusal(rooms.addMembers.mutate({ roomId, memberIds: [cy.id] }), "limit/reached", limit);
  });

  test("cannot be joined above a student's limit of rooms, in any way", async () => {
    const { ada, bo, cy } = await createRoomScene(dialect, { roomsPerUser: 1 });
    const limit = { limit: "roomsPerUser" };
    const roomId = await openGroup(ada, []);
    await openDirect(bo, cy);

    await expectRefusal(openGroup(ada, []), "limit/reached", limit);
    await expectRefusal(openDirect(ada, bo), "limit/reached", limit);
    await ada.rpc.chat.rooms.addMembers.mutate({ roomId, memberIds: [bo.id] });
    await expectRefusal(bo.rpc.chat.rooms.acceptInvitation.mutate({ roomId }), "limit/reached", limit);
    expect(await invitationIds(bo)).toEqual([roomId]);
    await cy.knows(ada);
    await expectRefusal(
      ada.rpc.chat.rooms.addMembers.mutate({ roomId, memberIds: [cy.id] }),
      "limit/reached",
      limit,
    );
    await bo.rpc.chat.rooms.leave.mutate({ roomId: (await roomIds(bo))[0] ?? "" });
    await bo.rpc.chat.rooms.acceptInvitation.mutate({ roomId });
  });

  test("exists once for one command, however often the command arrives at once", async () => {
    const { ada, bo } = await createRoomScene(dialect);
    await bo.knows(ada);
    const commandId = uuidv7();
    const open = () =>
      ada.rpc.chat.rooms.create.mutate({ kind: "group", memberIds: [bo.id], name: "One", commandId });

    const opened = await Promise.all(Array.from({ length: 10 }, open));

    expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
    expect(await roomIds(bo)).toHaveLength(1);
    await expectRefusal(
      ada.rpc.chat.rooms.create.mutate({ kind: "group", memberIds: [bo.id], name: "Two", commandId }),
      "input/invalid",
    );
  });

  test("counts its members correctly when a student accepts, declines and is removed at once", async () => {
    const { ada, bo } = await createRoomScene(dialect);
    const roomId = await openGroup(ada, []);
    await ada.rpc.chat.rooms.addMembers.mutate({ roomId, memberIds: [bo.id] });

    const settled = await Promise.allSettled([
      bo.rpc.chat.rooms.acceptInvitation.mutate({ roomId }),
      bo.rpc.chat.rooms.acceptInvitation.mutate({ roomId }),
      bo.rpc.chat.rooms.declineInvitation.mutate({ roomId }),
      ada.rpc.chat.rooms.removeMember.mutate({ roomId, userId: bo.id }),
    ]);

    for (const result of settled) {
      if (result.status === "rejected") expect(refusalOf(result.reason)?.reason).toBe("not-found");
    }
    const { memberCount, members, invited } = await ada.rpc.chat.rooms.get.query({ roomId });
    expect(memberCount).toBe(members.length);
    expect(invited).toEqual([]);
    expect(await roomIds(bo)).toHaveLength(memberCount - 1);
  });

  test("appears in the list of rooms, newest first, in pages", async () => {
    const { ada } = await createRoomScene(dialect);
    const opened: string[] = [];
    for (let index = 0; index < 5; index += 1) opened.unshift(await openGroup(ada, []));

    const firstPage = await ada.rpc.chat.rooms.list.query({ limit: 3 });
    const secondPage = await ada.rpc.chat.rooms.list.query({ limit: 3, cursor: firstPage.nextCursor });

    expect([...firstPage.items, ...secondPage.items].map(({ id }) => id)).toEqual(opened);
    expect(secondPage.nextCursor).toBeNull();
  });

  test("refuses malformed input and stores none of it", async () => {
    const { ada } = await createRoomScene(dialect);
    const create = (input: Readonly<Record<string, unknown>>) =>
      ada.rpc.chat.rooms.create.mutate({ kind: "group", memberIds: [], ...input } as never);

    for (const input of [
      { name: "" },
      { name: "a".repeat(101) },
      { name: "a\0" },
      { name: "\ud800" },
      { name: 7 },
      { history: "some" },
      { kind: "channel" },
      { memberIds: "all" },
      { memberIds: Array.from({ length: 1_001 }, () => "a") },
      { commandId: "not a uuid" },
      { commandId: "5f2b8a4e-8f0e-4c1a-9d55-0123456789ab" },
    ]) {
      await expectRefusal(create(input), "input/invalid");
    }
    expect(await roomIds(ada)).toEqual([]);
  });
});
