import { MESSAGE_TYPES } from "@edvoyage/protocol";
import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { DIALECTS, type TestDialect } from "../../support/databases/databases.ts";
import { createStudent, openDirect, type Student } from "../../support/students/student.ts";
import { connectRaw, until, untilWithin } from "../../support/network/sync-client.ts";
import { createWorld, expectRefusal, joinWorld, type World } from "../../support/servers/world.ts";

const createScene = async (dialect: TestDialect) => {
  const world = await createWorld({ dialect });
  return { world, ada: await createStudent(world), bo: await createStudent(world) };
};

/** Creates a group with Ada, who is added at once if the creator is a contact, and invited otherwise. */
const addTo = async (by: Student, ada: Student, name = "Group") =>
  (await by.rpc.chat.rooms.create.mutate({ kind: "group", memberIds: [ada.id], name })).id;

const recent = async ({ rpc }: Student) => (await rpc.notifications.recent.query()).items;

/** Opens a student's socket as a device does; the result returns the number of inbox hints so far. */
const countInboxHints = async (world: Pick<World, "url">, { id, token }: Student) => {
  const { received, send } = await connectRaw({ url: world.url, token }, `user/${id}`);
  send(MESSAGE_TYPES.barrier, 1, 7);
  await until(() => received.some((frame) => frame[0] === MESSAGE_TYPES.barrier));
  return () => received.filter((frame) => frame[0] === MESSAGE_TYPES.inbox).length;
};

describe.each(DIALECTS)("a notification, on %s", (dialect) => {
  test("names who added or invited the student to a group, once per room", async () => {
    const { ada, bo } = await createScene(dialect);

    const invitedTo = await addTo(bo, ada, "Invited");
    await ada.rpc.chat.rooms.declineInvitation.mutate({ roomId: invitedTo });
    await bo.rpc.chat.rooms.addMembers.mutate({ roomId: invitedTo, memberIds: [ada.id] });
    await ada.knows(bo);
    const addedTo = await addTo(bo, ada, "Added");
    await openDirect(bo, ada);

    expect(await recent(ada)).toMatchObject([
      { kind: "added", actor: { id: bo.id }, subject: { kind: "room", id: addedTo }, readAt: null },
      { kind: "added", actor: { id: bo.id }, subject: { kind: "room", id: invitedTo }, readAt: null },
    ]);
    expect(await recent(bo)).toEqual([]);
  });

  test("appears in pages, newest first, and is marked as read by its id or with all others", async () => {
    const { ada, bo } = await createScene(dialect);
    const rooms: string[] = [];
    for (let index = 0; index < 5; index += 1) rooms.unshift(await addTo(bo, ada));
    const { notifications, inbox } = ada.rpc;

    const firstPage = await notifications.recent.query({ limit: 3 });
    const secondPage = await notifications.recent.query({ limit: 3, cursor: firstPage.nextCursor });
    expect([...firstPage.items, ...secondPage.items].map(({ subject }) => subject.id)).toEqual(rooms);
    expect(secondPage.nextCursor).toBeNull();
    await expectRefusal(notifications.recent.query({ cursor: "eyJsaXN0IjoicG9zdHMifQ" }), "input/invalid");

    const ids = firstPage.items.map(({ id }) => id);
    const commandId = uuidv7();
    expect(await notifications.markRead.mutate({ ids: [...ids, ...ids], commandId })).toEqual({ marked: 3 });
    expect(await notifications.markRead.mutate({ ids: [...ids, ...ids], commandId })).toEqual({ marked: 3 });
    expect(await notifications.markRead.mutate({ ids })).toEqual({ marked: 0 });
    expect((await inbox.changes.query()).unreadNotifications).toBe(2);
    expect(await notifications.markRead.mutate({ all: true })).toEqual({ marked: 2 });
    expect((await inbox.changes.query()).unreadNotifications).toBe(0);
  });

  test("stays unread when it came after the instant up to which all are marked", async () => {
    const { world, ada, bo } = await createScene(dialect);
    const { notifications } = ada.rpc;
    await addTo(bo, ada, "Seen");
    const seenUntil = (await recent(ada))[0]?.at ?? 0;
    world.clock.advance({ ms: 1 });
    await addTo(bo, ada, "Not seen");
    const command = { all: true, seenUntil, commandId: uuidv7() } as const;

    expect(await notifications.markRead.mutate({ all: true, seenUntil: seenUntil - 1 })).toEqual({
      marked: 0,
    });
    expect(await notifications.markRead.mutate(command)).toEqual({ marked: 1 });
    expect(await notifications.markRead.mutate(command)).toEqual({ marked: 1 });

    expect((await recent(ada)).map(({ readAt }) => readAt === null)).toEqual([true, false]);
    await expectRefusal(notifications.markRead.mutate({ all: true, seenUntil: -1 }), "input/invalid");
    // As clients without `seenUntil` do.
    expect(await notifications.markRead.mutate({ all: true })).toEqual({ marked: 1 });
  });

  test("stays unread when another student marks it as read", async () => {
    const { ada, bo } = await createScene(dialect);
    await addTo(bo, ada);
    const ids = (await recent(ada)).map(({ id }) => id);

    expect(await bo.rpc.notifications.markRead.mutate({ ids })).toEqual({ marked: 0 });
    expect(await bo.rpc.notifications.markRead.mutate({ ids: [uuidv7(), "no id", ""] })).toEqual({
      marked: 0,
    });
    expect(await bo.rpc.notifications.markRead.mutate({ all: true })).toEqual({ marked: 0 });

    expect(await recent(ada)).toMatchObject([{ readAt: null }]);
    await expectRefusal(ada.rpc.notifications.markRead.mutate({ ids: [] }), "input/invalid");
    await expectRefusal(ada.rpc.notifications.markRead.mutate({ ids: ["\0"] }), "input/invalid");
  });

  test("appears in the inbox when it is new and when it is read, and every device of the student is told at once", async () => {
    const { world, ada, bo } = await createScene(dialect);
    const hints = await countInboxHints(world, ada);

    const since = world.clock.now();
    await addTo(bo, ada);
    await until(() => hints() > 0);
    const withNotification = await ada.rpc.inbox.changes.query({ since });
    expect(withNotification).toMatchObject({ notifications: [{ kind: "added" }], unreadNotifications: 1 });
    expect(withNotification.areas.map(({ area }) => area)).toContain("notifications");

    world.clock.advance({ seconds: 10 });
    const before = hints();
    await ada.rpc.notifications.markRead.mutate({ all: true });
    await until(() => hints() > before);
    expect(await ada.rpc.inbox.changes.query({ since: world.clock.now() })).toMatchObject({
      notifications: [{ readAt: world.clock.now() }],
      unreadNotifications: 0,
    });
  });

  test("follows the preferences of its kind on all devices, from the change on", async () => {
    const { ada, bo } = await createScene(dialect);
    const { notifications } = ada.rpc;
    await addTo(bo, ada);
    const both = { listed: true, pushed: true };
    const defaults = {
      kinds: {
        liked: both,
        commented: both,
        followed: both,
        mentioned: both,
        added: both,
        moved: both,
        message: { pushed: true },
      },
      previews: false,
    };
    expect(await notifications.preferences.query()).toEqual(defaults);

    const commandId = uuidv7();
    const change = { kinds: { added: { listed: false }, message: { pushed: false } }, previews: true };
    const changed = await notifications.setPreferences.mutate({ ...change, commandId });
    await Promise.all([
      notifications.setPreferences.mutate({ kinds: { liked: { listed: false } } }),
      notifications.setPreferences.mutate({ kinds: { liked: { pushed: false } } }),
    ]);
    await addTo(bo, ada);

    expect(changed).toEqual({
      kinds: { ...defaults.kinds, added: { listed: false, pushed: true }, message: { pushed: false } },
      previews: true,
    });
    const now = await notifications.preferences.query();
    expect(now.kinds.liked).toEqual({ listed: false, pushed: false });
    expect(await notifications.setPreferences.mutate({ ...change, commandId })).toEqual(now);
    expect(await recent(ada)).toHaveLength(1);
    expect(await bo.rpc.notifications.preferences.query()).toEqual(defaults);
    await notifications.setPreferences.mutate({ kinds: { added: { listed: true } } });
    await addTo(bo, ada);
    expect(await recent(ada)).toHaveLength(2);
  });
});

test.runIf(DIALECTS.includes("postgres"))("a notification reaches a device on another node too", async () => {
  const { world, ada, bo } = await createScene("postgres");
  const other = await joinWorld(world);
  const hints = await countInboxHints(other, ada);

  await addTo(bo, ada);
  await untilWithin({ clock: world.clock, within: { seconds: 1 } }, () => hints() > 0);

  // The second change has the same millisecond, which the other node has already seen.
  const before = hints();
  await addTo(bo, ada);
  await untilWithin({ clock: world.clock, within: { seconds: 1 } }, () => hints() > before);
});
