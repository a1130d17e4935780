import type { InboxMemberRoom, InboxRoom } from "@edvoyage/server";
import { describe, expect, test } from "vitest";
import { DIALECTS, type TestDialect } from "../../support/databases/databases.ts";
import { createStudent, openDirect, openGroup, type Student } from "../../support/students/student.ts";
import { createWorld, expectRefusal, type WorldOptions } from "../../support/servers/world.ts";

const createScene = async (dialect: TestDialect, limits: WorldOptions["limits"] = {}) => {
  const world = await createWorld({ dialect, limits });
  const [ada, bo, cy] = [await createStudent(world), await createStudent(world), await createStudent(world)];
  return { world, ada, bo, cy };
};

const roomsOf = async ({ rpc }: Student, since?: number): Promise<readonly InboxRoom[]> =>
  (await rpc.inbox.changes.query(since === undefined ? {} : { since })).rooms;

/** Returns a student's only room. */
const roomOf = async (student: Student): Promise<InboxMemberRoom> => {
  const rooms = await roomsOf(student);
  expect(rooms).toHaveLength(1);
  return rooms[0]?.state === "member" ? rooms[0] : expect.fail("not in the room");
};

const read = ({ rpc }: Student, roomId: string, position: { segment: number; index: number }) =>
  rpc.chat.markRead.mutate({ roomId, position });

describe.each(DIALECTS)("the inbox, on %s", (dialect) => {
  test("shows a room with its newest event, unread count and last author", async () => {
    const { world, ada, bo } = await createScene(dialect);
    const roomId = await openDirect(ada, bo);
    await ada.send(roomId, "One");
    world.clock.advance({ seconds: 1 });
    const sent = await ada.send(roomId, "Two");

    const { rooms, invitations, notifications, serverNow } = await bo.rpc.inbox.changes.query();

    expect(rooms).toEqual([
      {
        state: "member",
        id: roomId,
        kind: "direct",
        name: null,
        history: "all",
        role: "member",
        memberCount: 2,
        peer: { id: ada.id, name: null },
        fromSegment: 0,
        head: { segment: 0, index: 3, id: sent.messageId },
        unread: 2,
        preview: "Two",
        lastAuthorId: ada.id,
        lastAt: sent.at,
        readPosition: { segment: 0, index: 1 },
        othersRead: [{ userId: ada.id, position: { segment: 0, index: 0 } }],
      },
    ]);
    expect({ invitations, notifications }).toEqual({ invitations: [], notifications: [] });
    expect(serverNow).toBe(world.clock.now());
    expect((await roomOf(ada)).unread).toBe(0);
  });

  test("marks messages as read on all devices when one reads them, and shows the other student how far", async () => {
    const { world, ada, bo } = await createScene(dialect);
    const roomId = await openDirect(ada, bo);
    const tablet = { ...bo, rpc: world.rpc({ token: bo.token }) };
    for (const text of ["1", "2", "3"]) await ada.send(roomId, text);
    expect((await roomOf(tablet)).unread).toBe(3);

    await read(bo, roomId, { segment: 0, index: 3 });
    expect((await roomOf(tablet)).unread).toBe(1);
    await read(bo, roomId, { segment: 0, index: 4 });

    for (const device of [bo, tablet]) {
      expect(await roomOf(device)).toMatchObject({ unread: 0, readPosition: { segment: 0, index: 4 } });
    }
    expect((await roomOf(ada)).othersRead).toEqual([{ userId: bo.id, position: { segment: 0, index: 4 } }]);
  });

  test("counts unread messages of others, but no own or removed messages and no other events", async () => {
    const { ada, bo } = await createScene(dialect, { segmentEvents: 4 });
    const roomId = await openDirect(ada, bo);
    const sent = await ada.send(roomId, "One");
    for (const text of ["Two", "Three", "Four"]) await ada.send(roomId, text);
    await bo.send(roomId, "Mine");
    await ada.rpc.chat.edit.mutate({ roomId, messageId: sent.messageId, text: "1" });
    await ada.rpc.chat.react.mutate({ roomId, messageId: sent.messageId, emoji: "👍" });

    expect((await roomOf(bo)).unread).toBe(4);
    await ada.rpc.chat.remove.mutate({ roomId, messageId: sent.messageId });
    expect((await roomOf(bo)).unread).toBe(3);
    expect((await roomOf(ada)).unread).toBe(1);
  });

  test("counts up to 1,000 unread messages", async () => {
    const { ada, bo } = await createScene(dialect, { messageBurst: 2_000 });
    const roomId = await openDirect(ada, bo);
    for (let batch = 0; batch < 21; batch += 1) {
      await Promise.all(Array.from({ length: 50 }, (_, index) => ada.send(roomId, `${index}`)));
    }

    expect((await roomOf(bo)).unread).toBe(1_000);
  });

  test("previews the current text of the newest message, and never a removed one", async () => {
    const { ada, bo } = await createScene(dialect);
    const roomId = await openDirect(ada, bo);
    expect(await roomOf(bo)).toMatchObject({ preview: null, lastAuthorId: null, lastAt: null });
    const first = await bo.send(roomId, "First");
    const second = await ada.send(roomId, "Secnd");

    await ada.rpc.chat.edit.mutate({ roomId, messageId: second.messageId, text: "Second?" });
    await ada.rpc.chat.edit.mutate({ roomId, messageId: second.messageId, text: "Second" });
    expect(await roomOf(bo)).toMatchObject({ preview: "Second", lastAuthorId: ada.id });
    await ada.rpc.chat.remove.mutate({ roomId, messageId: second.messageId });
    expect(await roomOf(bo)).toMatchObject({ preview: "First", lastAuthorId: bo.id, lastAt: first.at });
    await bo.rpc.chat.remove.mutate({ roomId, messageId: first.messageId });
    expect(await roomOf(bo)).toMatchObject({ preview: null, lastAuthorId: null, lastAt: null });
  });

  test("cuts a preview to 120 characters without splitting an emoji", async () => {
    const { ada, bo } = await createScene(dialect);
    const roomId = await openDirect(ada, bo);

    await ada.send(roomId, "a".repeat(120));
    expect((await roomOf(bo)).preview).toBe("a".repeat(120));
    await ada.send(roomId, `${"a".repeat(119)}😀😀`);
    expect((await roomOf(bo)).preview).toBe("a".repeat(119));
    await ada.send(roomId, `${"a".repeat(118)}😀😀`);
    expect((await roomOf(bo)).preview).toBe(`${"a".repeat(118)}😀`);
  });

  test("names the newest event, even when its segment has just been sealed", async () => {
    const { ada, bo } = await createScene(dialect, { segmentEvents: 4 });
    const roomId = await openDirect(ada, bo);

    const last = await ada.send(roomId, "Seals the segment");
    expect((await roomOf(bo)).head).toEqual({ segment: 0, index: 2, id: last.messageId });
    const first = await ada.send(roomId, "Begins the next");
    expect((await roomOf(bo)).head).toEqual({ segment: 1, index: 0, id: first.messageId });
  });

  test("returns only what has changed since an instant", async () => {
    const { world, ada, bo, cy } = await createScene(dialect);
    const group = await openGroup(ada, [bo, cy]);
    const direct = await openDirect(ada, bo);
    const sent = await ada.send(group, "Hello");
    const { messageId } = await ada.send(direct, "Hello");
    /** Returns Bo's rooms that this act changes. */
    const changedBy = async (act: () => Promise<unknown>): Promise<string[]> => {
      world.clock.advance({ seconds: 1 });
      const since = world.clock.now();
      await act();
      return (await roomsOf(bo, since)).map(({ id }) => id);
    };
    const { chat } = ada.rpc;

    expect(await changedBy(async () => {})).toEqual([]);
    expect(await changedBy(() => ada.send(direct, "Again"))).toEqual([direct]);
    expect(await changedBy(() => chat.edit.mutate({ roomId: direct, messageId, text: "Hi" }))).toEqual([
      direct,
    ]);
    expect(await changedBy(() => chat.remove.mutate({ roomId: direct, messageId }))).toEqual([direct]);
    expect(await changedBy(() => chat.rooms.rename.mutate({ roomId: group, name: "New" }))).toEqual([group]);
    expect(await changedBy(() => read(bo, group, sent.position))).toEqual([group]);
    expect(await changedBy(() => read(cy, group, sent.position))).toEqual([group]);
    expect(await changedBy(() => read(bo, group, sent.position))).toEqual([]);
    expect(
      await changedBy(() => chat.rooms.setRole.mutate({ roomId: group, userId: bo.id, role: "admin" })),
    ).toEqual([group]);
    expect(await changedBy(() => cy.rpc.chat.rooms.leave.mutate({ roomId: group }))).toEqual([group]);
  });

  test("puts the room with the newest event first", async () => {
    const { world, ada, bo, cy } = await createScene(dialect);
    const [withBo, withCy] = [await openDirect(ada, bo), await openDirect(ada, cy)];
    world.clock.advance({ seconds: 1 });
    await ada.send(withBo, "Hello");
    world.clock.advance({ seconds: 1 });
    await ada.send(withCy, "Hello");

    expect((await roomsOf(ada)).map(({ id }) => id)).toEqual([withCy, withBo]);
  });

  test("lists rooms that the student has left, but nothing that was said afterwards", async () => {
    const { world, ada, bo, cy } = await createScene(dialect);
    const group = await openGroup(ada, [bo, cy]);
    world.clock.advance({ seconds: 1 });
    const since = world.clock.now();

    await bo.rpc.chat.rooms.leave.mutate({ roomId: group });
    await ada.rpc.chat.rooms.removeMember.mutate({ roomId: group, userId: cy.id });
    await ada.send(group, "Alone");

    for (const former of [bo, cy]) {
      expect(await roomsOf(former, since)).toEqual([{ state: "left", id: group, leftAt: since }]);
      expect(await roomsOf(former, since + 1)).toEqual([]);
      expect(await roomsOf(former)).toEqual([]);
    }
    await ada.rpc.chat.rooms.addMembers.mutate({ roomId: group, memberIds: [bo.id] });
    expect(await roomsOf(bo, since)).toMatchObject([{ state: "member", id: group, unread: 0 }]);
  });

  test("shows a newcomer only what they may read", async () => {
    const { ada, bo, cy } = await createScene(dialect);
    const group = await openGroup(ada, [bo], { history: "fromJoining" });
    await ada.send(group, "Before Cy");
    await cy.knows(ada);

    await ada.rpc.chat.rooms.addMembers.mutate({ roomId: group, memberIds: [cy.id] });

    expect(await roomOf(cy)).toMatchObject({
      preview: null,
      lastAuthorId: null,
      unread: 0,
      fromSegment: 1,
      head: { segment: 1, index: 0 },
    });
    await ada.send(group, "Hi Cy");
    expect(await roomOf(cy)).toMatchObject({ preview: "Hi Cy", unread: 1 });
  });

  test("hides who has read what in a room of more than 32 members", async () => {
    const { world, ada } = await createScene(dialect);
    const others = await Promise.all(Array.from({ length: 32 }, () => createStudent(world)));
    const [first, last] = [others[0] ?? ada, others[31] ?? ada];
    const group = await openGroup(ada, others);
    const { position } = await ada.send(group, "Hello");
    world.clock.advance({ seconds: 1 });
    const since = world.clock.now();

    await read(first, group, position);
    expect((await roomOf(ada)).othersRead).toEqual([]);
    expect(await roomsOf(ada, since)).toEqual([]);
    await last.rpc.chat.rooms.leave.mutate({ roomId: group });
    const { othersRead, memberCount } = await roomOf(ada);
    expect(memberCount).toBe(32);
    expect(othersRead).toHaveLength(31);
    expect(othersRead).toContainEqual({ userId: first.id, position });
  });

  test("shows an invitation to the invited student until it is answered", async () => {
    const { ada, bo, cy } = await createScene(dialect);
    const rooms = await Promise.all(
      ["One", "Two"].map((name) =>
        ada.rpc.chat.rooms.create.mutate({ kind: "group", memberIds: [bo.id], name }),
      ),
    );
    const pendingInvitations = async (student: Student) =>
      new Set(
        (await student.rpc.inbox.changes.query({ since: 2 ** 45 })).invitations.map(({ name }) => name),
      );

    expect(await pendingInvitations(bo)).toEqual(new Set(["One", "Two"]));
    expect(await pendingInvitations(cy)).toEqual(new Set());
    await bo.rpc.chat.rooms.declineInvitation.mutate({ roomId: rooms[0]?.id ?? "" });
    expect(await pendingInvitations(bo)).toEqual(new Set(["Two"]));
  });

  test("names the changed areas, each change with a different instant, whatever the clock does", async () => {
    const { world, ada, bo } = await createScene(dialect);
    const instants: number[] = [];
    const change = async (nickname: string) => {
      await ada.rpc.contacts.add.mutate({ userId: bo.id, nickname });
      const { areas } = await ada.rpc.inbox.changes.query({ since: world.clock.now() });
      expect(areas.map(({ area }) => area)).toEqual(["contacts"]);
      instants.push(areas[0]?.changedAt ?? 0);
    };

    await change("One");
    await change("Two");
    world.clock.set({ hours: -1 });
    await change("Three");
    world.clock.advance({ hours: 2 });
    await change("Four");

    const [firstInstant = 0] = instants;
    expect(instants).toEqual([firstInstant, firstInstant + 1, firstInstant + 2, firstInstant + 3_600_000]);
    expect((await bo.rpc.inbox.changes.query()).areas).toEqual([]);
    const later = { since: world.clock.now() + 1 };
    expect((await ada.rpc.inbox.changes.query(later)).areas).toEqual([]);
  });

  test("accepts an instant only as a whole number of milliseconds since 1970", async () => {
    const { ada } = await createScene(dialect);

    for (const since of [-1, 0.5, "now", 1e300]) {
      await expectRefusal(ada.rpc.inbox.changes.query({ since: since as never }), "input/invalid");
    }
    expect((await ada.rpc.inbox.changes.query({ since: Number.MAX_SAFE_INTEGER })).rooms).toEqual([]);
  });
});
