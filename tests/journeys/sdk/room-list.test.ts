import { describe, expect, test } from "vitest";
import { createChatDevice } from "../../support/apps/chat-device.ts";
import { createStudent, openDirect, openGroup } from "../../support/students/student.ts";
import { createChatDeviceScene, untilShown, reasonOf } from "../../support/apps/chat-device-scene.ts";

describe("the list of rooms", () => {
  test("shows unread counts, and marks as read on one device what another has read", async () => {
    const { world, ada, bo, roomId, phone } = await createChatDeviceScene();
    const tablet = await createChatDevice(world, ada);
    for (const text of ["1", "2", "3"]) await bo.send(roomId, text);
    await Promise.all([phone.chat.refresh(), tablet.chat.refresh()]);
    expect(tablet.chat.rooms()).toMatchObject([{ id: roomId, unread: 3, preview: "3" }]);
    phone.watch(roomId);
    await untilShown(phone, roomId, ["1", "2", "3"]);

    phone.setOnline(false);
    await phone.chat.room(roomId).markRead({ segment: 0, index: 2 });
    await phone.chat.room(roomId).markRead();
    expect(phone.chat.rooms()).toMatchObject([{ unread: 0 }]);
    expect(phone.account.outbox.entries.value).toMatchObject([
      { procedure: "chat.markRead", input: { position: { segment: 0, index: 4 } } },
    ]);
    const restarted = await phone.restart({ isOnline: false });
    expect(restarted.chat.rooms()).toMatchObject([{ unread: 0 }]);
    restarted.setOnline(true);
    await restarted.until(() => restarted.account.outbox.entries.value.length === 0);
    await tablet.chat.refresh();

    expect(tablet.chat.rooms()).toMatchObject([{ unread: 0, readPosition: { segment: 0, index: 4 } }]);
    await tablet.chat.room(roomId).markRead({ segment: 0, index: 4 });
    expect(tablet.account.outbox.entries.value).toEqual([]);
  });

  test("puts the room with the newest message first, including the student's own unsent messages", async () => {
    const { world, ada, bo, roomId, phone } = await createChatDeviceScene();
    const cy = await createStudent(world);
    world.clock.advance({ seconds: 1 });
    const other = await openDirect(ada, cy);
    await phone.chat.refresh();
    const order = () => phone.chat.rooms().map(({ id }) => id);
    expect(order()).toEqual([other, roomId]);
    world.clock.advance({ seconds: 1 });
    await bo.send(roomId, "Hi");
    await phone.chat.refresh();
    expect(order()).toEqual([roomId, other]);

    phone.setOnline(false);
    phone.clock.advance({ minutes: 1 });
    const [before] = phone.chat.rooms();
    await phone.chat.room(other).send("Waits");

    expect(order()).toEqual([other, roomId]);
    expect(phone.chat.rooms()).toMatchObject([{ preview: "Waits", lastAuthorId: ada.id }, { preview: "Hi" }]);
    expect(phone.chat.rooms()[1]).toBe(before);
  });

  test("updates copies in the background, and requests nothing for unchanged rooms", async () => {
    const { world, ada, bo, roomId, phone } = await createChatDeviceScene();
    const cy = await createStudent(world);
    const quiet = await openDirect(ada, cy);
    await cy.send(quiet, "Quiet");
    await bo.send(roomId, "One");
    await phone.chat.refresh();
    for (const id of [roomId, quiet]) {
      const stop = phone.watch(id);
      await phone.until(() => phone.texts(id).length === 1);
      stop();
    }
    const restarted = await phone.restart();
    await restarted.chat.refresh();
    restarted.clock.advance({ seconds: 2 });
    expect(restarted.sockets.opened).toEqual([]);

    await bo.send(roomId, "Two");
    await restarted.chat.refresh();
    await restarted.until(() => restarted.sockets.opened.length > 0 && restarted.sockets.count() === 0);

    expect(restarted.sockets.opened).toEqual([`room/${roomId}/0`]);
    const offline = await restarted.restart({ isOnline: false });
    offline.watch(roomId);
    await untilShown(offline, roomId, ["One", "Two"]);
  });

  test("deletes a room that the student was removed from, with every byte of it", async () => {
    const { world, ada, bo, phone } = await createChatDeviceScene();
    const group = await openGroup(bo, [ada]);
    await bo.send(group, "SECRET");
    await phone.chat.refresh();
    phone.watch(group);
    await untilShown(phone, group, ["SECRET"]);
    await phone.until(async () => (await phone.disk()).includes("SECRET"));
    world.clock.advance({ seconds: 1 });

    await bo.rpc.chat.rooms.removeMember.mutate({ roomId: group, userId: ada.id });
    await bo.send(group, "Without Ada");

    await phone.until(async () => !(await phone.disk()).includes(group));
    expect(await phone.disk()).not.toContain("SECRET");
    expect(phone.chat.rooms().map(({ id }) => id)).not.toContain(group);
    expect(phone.texts(group)).toEqual([]);
    expect(phone.problems).toEqual([]);
    expect(phone.sockets.count()).toBe(0);
  });

  test("shows a room again that the student came back to, from the segment that they may read now", async () => {
    const { world, ada, bo, phone } = await createChatDeviceScene();
    const group = await openGroup(bo, [ada], { history: "fromJoining" });
    await ada.send(group, "Before");
    await phone.chat.refresh();
    const stop = phone.watch(group);
    await untilShown(phone, group, ["Before"]);
    stop();
    const offline = await phone.restart({ isOnline: false });
    await bo.rpc.chat.rooms.removeMember.mutate({ roomId: group, userId: ada.id });
    await bo.send(group, "Without Ada");
    world.clock.advance({ minutes: 1 });
    await bo.rpc.chat.rooms.addMembers.mutate({ roomId: group, memberIds: [ada.id] });
    await bo.send(group, "With Ada");

    const restarted = await offline.restart();
    restarted.watch(group);

    await untilShown(restarted, group, ["With Ada"]);
    expect(restarted.account.outbox.entries.value).toEqual([]);
  });

  test("becomes complete again after the disk has damaged a part of it", async () => {
    const { roomId, phone } = await createChatDeviceScene();
    await phone.chat.refresh();
    const tampered = await phone.restart({ isOnline: false });
    await tampered.account.records.write([{ key: `inbox/${roomId}`, value: Uint8Array.of(1, 2, 3) }]);

    const restarted = await tampered.restart();
    expect(restarted.chat.rooms()).toEqual([]);
    await restarted.until(() => restarted.chat.rooms().length === 1);

    expect(restarted.requests).toMatchObject([expect.stringContaining("null")]);
  });

  test("opens rooms, answers invitations and changes groups, each once even when replies are lost", async () => {
    const { world, ada, bo, phone, laptop } = await createChatDeviceScene();
    const { chat } = phone;
    await ada.knows(bo);

    const room = await chat.createRoom({ kind: "group", memberIds: [bo.id], name: "Plans" });
    expect(chat.rooms()[0]).toMatchObject({ id: room.id, name: "Plans", role: "owner", memberCount: 1 });
    expect(chat.room(room.id)).toBe(room);
    await laptop.chat.refresh();
    expect(laptop.chat.invitations()).toMatchObject([{ id: room.id, name: "Plans", invitedBy: ada.id }]);
    const joined = await laptop.chat.acceptInvitation(room.id);
    expect(laptop.chat.invitations()).toEqual([]);
    expect((await joined.details()).members.map(({ userId }) => userId)).toEqual([ada.id, bo.id]);

    phone.loseReplies(2);
    await room.rename("Great plans");
    await room.setRole(bo.id, "admin");
    expect(chat.rooms()[0]).toMatchObject({ name: "Great plans" });
    phone.loseReplies(2);
    const second = await chat.createRoom({ kind: "group", memberIds: [], name: "Once" });
    expect((await ada.rpc.chat.rooms.list.query()).items.filter(({ name }) => name === "Once")).toMatchObject(
      [{ id: second.id }],
    );
    await joined.leave();
    expect(laptop.chat.rooms().map(({ id }) => id)).not.toContain(room.id);
    phone.setOnline(false);
    expect(await reasonOf(chat.createRoom({ kind: "direct", userId: bo.id }))).toBe("offline");
    expect(await reasonOf(room.rename("Later"))).toBe("offline");
    world.clock.advance({ seconds: 1 });
  });
});
