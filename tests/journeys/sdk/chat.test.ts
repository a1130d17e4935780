import { copyFileSync } from "node:fs";
import { putBytes } from "@edvoyage/client-sdk/testing";
import type { CommandId } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import { createChatDevice, type ChatDevice } from "../../support/apps/chat-device.ts";
import { createStudent, openDirect, openGroup } from "../../support/students/student.ts";
import { runTerminal } from "../../support/apps/terminal.ts";
import { untilWithin } from "../../support/network/sync-client.ts";
import { createWorld, type World, type WorldOptions } from "../../support/servers/world.ts";

/** Two students with a direct room, and a device of each. */
const createScene = async (limits: WorldOptions["limits"] = {}) => {
  const world = await createWorld({ limits });
  const [ada, bo] = [await createStudent(world), await createStudent(world)];
  const roomId = await openDirect(ada, bo);
  const [phone, laptop] = [await createChatDevice(world, ada), await createChatDevice(world, bo)];
  return { world, ada, bo, roomId, phone, laptop };
};

const untilShown = (device: ChatDevice, roomId: string, texts: readonly string[]): Promise<void> =>
  device.until(() => device.texts(roomId).join() === texts.join());

const statesOf = ({ chat }: ChatDevice, roomId: string): string[] =>
  chat.room(roomId).messages.map(({ text, state }) => `${text} ${state}`);

const reasonOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => expect.fail("was not refused"),
    (error: { reason?: string; message?: string }) => error.reason ?? error.message ?? "",
  );

describe("a conversation", () => {
  test("shows both students each message, in one order and with its author", async () => {
    const { ada, bo, roomId, phone, laptop } = await createScene();
    phone.watch(roomId);
    laptop.watch(roomId);

    const hello = await phone.chat.room(roomId).send("Hello");
    await untilShown(laptop, roomId, ["Hello"]);
    await laptop.chat.room(roomId).send("Hi Ada", { replyTo: hello.id });
    await untilShown(phone, roomId, ["Hello", "Hi Ada"]);

    expect(hello).toMatchObject({ state: "pending", authorId: ada.id, position: null });
    for (const { chat } of [phone, laptop]) {
      const { messages, isLoaded, hasOlder } = chat.room(roomId);
      expect({ isLoaded, hasOlder }).toEqual({ isLoaded: true, hasOlder: false });
      expect(messages).toMatchObject([
        { id: hello.id, authorId: ada.id, state: "acked", position: { segment: 0, index: 2 } },
        { authorId: bo.id, replyTo: hello.id, state: "acked", position: { segment: 0, index: 3 } },
      ]);
    }
    await phone.until(() => phone.account.outbox.entries.value.length === 0);
    expect([...phone.problems, ...laptop.problems]).toEqual([]);
  });

  test("keeps offline messages over two restarts, and delivers each once and in order", async () => {
    const { bo, roomId, phone, laptop } = await createScene();
    phone.setOnline(false);
    for (const text of ["1", "2", "3"]) await phone.chat.room(roomId).send(text);

    const second = await phone.restart({ isOnline: false });
    await second.chat.room(roomId).send("4");
    const third = await second.restart({ isOnline: false });
    third.watch(roomId);
    expect(statesOf(third, roomId)).toEqual(["1 pending", "2 pending", "3 pending", "4 pending"]);
    third.setOnline(true);
    laptop.watch(roomId);
    await untilShown(laptop, roomId, ["1", "2", "3", "4"]);

    expect(await bo.texts(roomId)).toEqual(["1", "2", "3", "4"]);
    await third.until(() => third.account.outbox.entries.value.length === 0);
    expect(statesOf(third, roomId)).toEqual(["1 acked", "2 acked", "3 acked", "4 acked"]);
  });

  test("retries a lost answer without another hint", async () => {
    const { bo, roomId, phone } = await createScene();
    await phone.until(() => phone.chat.rooms().length === 1);
    await bo.send(roomId, "a");
    phone.loseReplies(3);

    await phone.chat.refresh();

    expect(phone.chat.rooms()).toMatchObject([{ preview: null }]);
    await phone.until(() => phone.chat.rooms()[0]?.preview === "a");
  });

  test("shows messages offline after a restart once they were loaded", async () => {
    const { ada, bo, roomId, phone } = await createScene();
    for (const text of ["a", "b"]) await bo.send(roomId, text);
    phone.watch(roomId);
    await untilShown(phone, roomId, ["a", "b"]);

    const restarted = await phone.restart({ isOnline: false });
    const room = restarted.chat.room(roomId);
    await restarted.until(() => room.isLoaded);

    expect(restarted.texts(roomId)).toEqual(["a", "b"]);
    expect(restarted.writes).toEqual([]);
    expect(restarted.chat.rooms()).toMatchObject([{ id: roomId, preview: "b", peer: { id: bo.id } }]);
    expect(room.messages.map(({ authorId }) => authorId)).not.toContain(ada.id);
    expect(restarted.sockets.opened).toEqual([]);
  });

  test("shows edits, reactions and removals at once on the device, soon on the other side, and reverts refused ones", async () => {
    const { bo, roomId, phone, laptop } = await createScene();
    const theirs = await bo.send(roomId, "From Bo");
    phone.watch(roomId);
    laptop.watch(roomId);
    const room = phone.chat.room(roomId);
    const sent = await room.send("Frist");
    await untilShown(laptop, roomId, ["From Bo", "Frist"]);
    await untilShown(phone, roomId, ["From Bo", "Frist"]);

    phone.setOnline(false);
    await room.edit(sent.id, "First");
    await room.react(theirs.messageId, "👍");
    expect(phone.texts(roomId)).toEqual(["From Bo", "First"]);
    expect(room.messages.map(({ hasPendingChange }) => hasPendingChange)).toEqual([true, true]);
    expect(laptop.texts(roomId)).toEqual(["From Bo", "Frist"]);
    phone.setOnline(true);
    await untilShown(laptop, roomId, ["From Bo", "First"]);
    await laptop.until(() => laptop.chat.room(roomId).messages[0]?.reactions[0]?.emoji === "👍");
    await phone.until(() => room.messages.every(({ hasPendingChange }) => !hasPendingChange));
    expect(phone.texts(roomId)).toEqual(["From Bo", "First"]);

    await room.remove(sent.id);
    expect(phone.texts(roomId)).toEqual(["From Bo"]);
    await untilShown(laptop, roomId, ["From Bo"]);
    await room.remove(theirs.messageId);
    expect(phone.texts(roomId)).toEqual([]);
    await untilShown(phone, roomId, ["From Bo"]);
    await phone.until(() => phone.account.outbox.entries.value.length === 1);
    expect(phone.account.outbox.entries.value).toMatchObject([
      { procedure: "chat.remove", state: "failed", reason: "forbidden" },
    ]);
    expect(await reasonOf(room.edit(theirs.messageId, "Forged"))).toBe("forbidden");
  });

  test("shows no flicker of an edit between its answer and its event", async () => {
    const { roomId, phone } = await createScene();
    phone.watch(roomId);
    const room = phone.chat.room(roomId);
    const sent = await room.send("One");
    await phone.until(() => room.messages[0]?.position !== null && room.messages.length === 1);
    const seen: unknown[] = [];
    phone.watch(roomId, ({ messages }) => seen.push(messages[0]?.text));

    await room.edit(sent.id, "Two");
    await phone.until(() => phone.account.outbox.entries.value.length === 0);

    expect(seen.indexOf("Two")).toBe(seen.lastIndexOf("One") + 1);
    expect(seen.at(-1)).toBe("Two");
  });

  test("rewrites and withdraws unsent messages without a trace", async () => {
    const { bo, roomId, phone } = await createScene();
    phone.setOnline(false);
    const room = phone.chat.room(roomId);
    const [first, second, third] = [await room.send("a"), await room.send("b"), await room.send("c")];
    await room.send("to b", { replyTo: second.id });

    await room.edit(first.id, "A");
    await room.react(third.id, "👍");
    await room.remove(third.id);
    await room.remove(second.id);
    expect(phone.texts(roomId)).toEqual(["A", "to b"]);
    expect(phone.account.outbox.entries.value.map(({ procedure }) => procedure)).toEqual([
      "chat.send",
      "chat.send",
      "chat.send",
      // A queued reply refers to this message, so it is sent first and removed afterwards.
      // Otherwise the reply would point to nothing.
      "chat.remove",
    ]);
    phone.setOnline(true);
    await phone.until(() => phone.account.outbox.entries.value.every(({ state }) => state === "acked"));

    expect(await bo.texts(roomId)).toEqual(["A", null, "to b"]);
  });

  test("edits and removes messages on the server when they may already be sent", async () => {
    const { bo, roomId, phone } = await createScene();
    phone.setOnline(false);
    const [kept, gone] = [
      await phone.chat.room(roomId).send("kept"),
      await phone.chat.room(roomId).send("gone"),
    ];
    const restarted = await phone.restart({ isOnline: false });
    const room = restarted.chat.room(roomId);

    await room.edit(kept.id, "edited");
    await room.edit(kept.id, "edited twice");
    await room.remove(gone.id);
    expect(restarted.texts(roomId)).toEqual(["edited twice"]);
    restarted.setOnline(true);
    await restarted.until(() =>
      restarted.account.outbox.entries.value.every(({ state }) => state === "acked"),
    );

    expect(await bo.texts(roomId)).toEqual(["edited twice", null]);
    expect(restarted.account.outbox.entries.value).toHaveLength(4);
  });

  test("stores nothing that the server would refuse", async () => {
    const { roomId, phone } = await createScene();
    const room = phone.chat.room(roomId);

    expect(await reasonOf(room.send("x".repeat(4_001)))).toBe("limit/reached");
    for (const text of ["", " \n", "\ud83d", "a\0b"])
      expect(await reasonOf(room.send(text))).toBe("input/invalid");
    expect(await reasonOf(room.react("some", ""))).toBe("input/invalid");
    expect(phone.account.outbox.entries.value).toEqual([]);
    await room.send(`${"x".repeat(3_998)}😀`);
  });

  test("shows others who is typing, until the typing ends", async () => {
    const { world, ada, bo, roomId, phone, laptop } = await createScene();
    const tablet = await createChatDevice(world, ada);
    for (const device of [phone, laptop, tablet]) device.watch(roomId);
    const typing = () => laptop.chat.room(roomId).typingUserIds;
    await phone.until(() => phone.sockets.state.value === "online");
    await laptop.until(() => laptop.sockets.state.value === "online");
    const advancePhone = (seconds: number) => phone.clock.advance({ seconds });
    const room = phone.chat.room(roomId);
    /** Waits until these students are shown as typing. Time passes on the server, which sends presence, not on the phone. */
    const untilTyping = (userIds: readonly string[]) =>
      untilWithin({ clock: world.clock, within: { seconds: 1 } }, () => typing().join() === userIds.join());

    laptop.chat.room(roomId).typing(true);
    room.typing(true);
    await untilTyping([ada.id]);
    await untilWithin(
      { clock: world.clock, within: { seconds: 1 } },
      () => tablet.chat.room(roomId).typingUserIds.length > 0,
    );
    expect(tablet.chat.room(roomId).typingUserIds).toEqual([bo.id]);
    advancePhone(4);
    room.typing(true);
    advancePhone(4);
    expect(typing()).toEqual([ada.id]);
    advancePhone(1);
    await untilTyping([]);
    room.typing(true);
    await untilTyping([ada.id]);
    await room.send("Done");
    await untilTyping([]);
  });
});

/** Returns `count` numbered texts. */
const texts = (count: number, from = 1): string[] =>
  Array.from({ length: count }, (_, index) => `m${from + index}`);

describe("a long room", () => {
  const createLongRoom = async (count: number) => {
    const scene = await createScene({ segmentEvents: 8 });
    for (const text of texts(count)) await scene.bo.send(scene.roomId, text);
    await scene.phone.chat.refresh();
    return scene;
  };

  test("opens at its end and loads back to its beginning, the second time from the device", async () => {
    const { roomId, phone } = await createLongRoom(30);
    const stop = phone.watch(roomId);
    const room = phone.chat.room(roomId);
    await phone.until(() => room.messages.at(-1)?.text === "m30");
    expect(room.messages.length).toBeLessThan(8);
    const newest = room.messages;

    const pages: boolean[] = [];
    while (room.hasOlder) pages.push(await room.loadOlder());
    expect(await room.loadOlder()).toBe(false);
    expect(pages.every((isThere) => isThere)).toBe(true);
    expect(phone.texts(roomId)).toEqual(texts(30));
    expect(room.messages.slice(-newest.length).every((message, index) => message === newest[index])).toBe(
      true,
    );
    stop();

    const restarted = await phone.restart({ isOnline: false });
    const restartedRoom = restarted.chat.room(roomId);
    await restarted.until(() => restartedRoom.isLoaded);
    while (restartedRoom.hasOlder) await restartedRoom.loadOlder();
    expect(restarted.texts(roomId)).toEqual(texts(30));
    expect(restarted.sockets.opened).toEqual([]);
  });

  test("has only the device's messages while offline", async () => {
    const { roomId, phone } = await createLongRoom(30);
    phone.watch(roomId);
    await phone.until(() => phone.texts(roomId).includes("m30"));

    phone.setOnline(false);

    expect(phone.chat.room(roomId).hasOlder).toBe(true);
    expect(await reasonOf(phone.chat.room(roomId).loadOlder())).toBe("offline");
  });

  test("follows from segment to segment, and keeps each message once", async () => {
    const { bo, roomId, phone } = await createLongRoom(3);
    phone.watch(roomId);
    await phone.until(() => phone.texts(roomId).length === 3);

    for (const text of texts(30, 4)) await bo.send(roomId, text);
    await untilShown(phone, roomId, texts(33));

    expect(phone.sockets.count()).toBe(1);
    const writes = () => phone.writes.filter((keys) => keys.includes(`end/${roomId}`));
    await phone.until(() => writes().length === 1);
    await bo.send(roomId, "m34");
    await phone.until(() => writes().length === 2);
    expect(writes().map((keys) => keys.length)).toEqual([7, 2]);
    const restarted = await phone.restart({ isOnline: false });
    restarted.watch(roomId);
    await untilShown(restarted, roomId, texts(34));
  });

  test.each([
    { missed: 20, fetched: "everything", shown: 23 },
    { missed: 90, fetched: "only the end", shown: undefined },
  ])("loads after $missed messages arrived in the meantime: $fetched", async ({ missed, shown }) => {
    const { bo, roomId, phone } = await createLongRoom(3);
    phone.watch(roomId);
    await phone.until(() => phone.texts(roomId).length === 3);
    await phone.restart({ isOnline: false }).then((device) => device.kill());
    for (const text of texts(missed, 4)) await bo.send(roomId, text);

    const restarted = await phone.restart();
    await restarted.until(() => restarted.chat.rooms()[0]?.preview === `m${missed + 3}`);
    restarted.watch(roomId);
    await restarted.until(() => restarted.texts(roomId).at(-1) === `m${missed + 3}`);

    expect(restarted.texts(roomId).length).toBeLessThan(missed === 90 ? 8 : 24);
    if (shown) expect(restarted.texts(roomId)).toHaveLength(shown);
    while (restarted.chat.room(roomId).hasOlder) await restarted.chat.room(roomId).loadOlder();
    expect(restarted.texts(roomId)).toEqual(texts(missed + 3));
    await restarted.until(async () => !(await restarted.disk()).includes("lost/"));
    expect(restarted.problems).toEqual([]);
  });

  test("[SY25] deletes a removed message and its edits from every byte on the device", async () => {
    const { ada, bo, roomId, phone } = await createLongRoom(2);
    const { messageId } = await bo.send(roomId, "SECRET-1");
    for (const text of texts(10)) await ada.send(roomId, text);
    await bo.rpc.chat.edit.mutate({ roomId, messageId, text: "SECRET-2" });
    for (const text of texts(100)) await ada.send(roomId, text);
    await phone.chat.refresh();
    const stop = phone.watch(roomId);
    const room = phone.chat.room(roomId);
    await phone.until(() => room.isLoaded);
    while (room.hasOlder) await room.loadOlder();
    await phone.until(async () => (await phone.disk()).includes("SECRET-1"));
    expect(phone.texts(roomId)).toContain("SECRET-2");
    stop();
    // From here on the older segments are only on the device's disk, not in the open room.
    const restarted = await phone.restart();
    restarted.watch(roomId);
    await restarted.until(() => restarted.chat.room(roomId).isLoaded);
    expect(restarted.texts(roomId)).not.toContain("SECRET-2");
    expect(await restarted.disk()).toContain("SECRET-2");

    await bo.rpc.chat.remove.mutate({ roomId, messageId });

    await restarted.until(async () => !(await restarted.disk()).includes("SECRET"));
    while (restarted.chat.room(roomId).hasOlder) await restarted.chat.room(roomId).loadOlder();
    expect(restarted.texts(roomId)).toEqual([...texts(2), ...texts(10), ...texts(100)]);
    expect(restarted.sockets.opened).toHaveLength(1);
  });
});

describe("a device after the server was restored to an earlier state", () => {
  /** Ada's phone has five messages; the backup lacks the last two, one from each student. */
  const createForkedScene = async ({ segmentEvents = 256 } = {}) => {
    const scene = await createScene({ segmentEvents });
    const { world, ada, bo, roomId, phone } = scene;
    await ada.send(roomId, "a");
    await bo.send(roomId, "b");
    await ada.send(roomId, "c");
    const { path } = await world.admin.admin.database.backup.mutate();
    world.clock.advance({ minutes: 1 });
    const stop = phone.watch(roomId);
    const room = phone.chat.room(roomId);
    const lost = await room.send("lost");
    await room.edit(lost.id, "lost, edited");
    await bo.send(roomId, "lost too");
    await untilShown(phone, roomId, ["a", "b", "c", "lost, edited", "lost too"]);
    await phone.until(() => phone.account.outbox.entries.value.length === 0);
    await phone.chat.refresh();
    expect(phone.chat.rooms()[0]?.preview).toBe("lost too");
    stop();
    /** Replaces the database as a failover or a machine snapshot would, without a notice to anybody. */
    const putBack = async (): Promise<World> => {
      await world.server.close();
      copyFileSync(path, world.databaseUrl.slice("sqlite:".length));
      return world.restart();
    };
    return { ...scene, lost, path, putBack };
  };

  const expectRebuilt = async (device: ChatDevice, roomId: string, remaining: readonly string[]) => {
    await device.until(() => device.texts(roomId).length === remaining.length + 1);
    expect(statesOf(device, roomId)).toEqual([
      ...remaining.map((text) => `${text} acked`),
      "lost, edited failed",
    ]);
    expect(device.chat.room(roomId).messages.at(-1)).toMatchObject({ reason: "lost" });
    expect(await device.disk()).not.toContain("lost/");
    expect(new Set(device.problems.map(({ kind }) => kind))).toEqual(new Set(["room-rebuilt"]));
  };

  test("[SY48] [SY50] drops its copy after a restore by the admin, and can send the student's last message again", async () => {
    const { world, ada, bo, roomId, phone, path, lost } = await createForkedScene();
    await world.server.close();
    const restored = await runTerminal(["db", "restore", path, "--yes"], {
      environment: { EDVOYAGE_DATA_DIR: world.dataDir, EDVOYAGE_DATABASE_URL: world.databaseUrl },
    });
    expect(restored, restored.stderr).toMatchObject({ exitCode: 0 });
    const restoredWorld = await world.restart();
    const { token } = await restoredWorld.device({ phone: ada.phone }).signIn();

    const restarted = await phone.restart({ world: restoredWorld, token });
    restarted.watch(roomId);
    await expectRebuilt(restarted, roomId, ["a", "b", "c"]);
    await restarted.until(() => restarted.chat.rooms()[0]?.preview === "c");
    expect(await restarted.disk()).not.toContain("lost too");
    await restarted.chat.room(roomId).retry(lost.id);
    await restarted.until(() => restarted.account.outbox.entries.value.length === 0);

    expect(statesOf(restarted, roomId)).toEqual(["a acked", "b acked", "c acked", "lost, edited acked"]);
    const { items } = await restoredWorld
      .rpc({ token: (await restoredWorld.device({ phone: bo.phone }).signIn()).token })
      .chat.history.query({ roomId });
    expect(items[0]).toMatchObject({ id: lost.id, text: "lost, edited" });
  });

  test("[SY44] [SY47] [SY50] drops a copy that is ahead of the server when the room is opened, after a restore without notice", async () => {
    const { roomId, phone, putBack } = await createForkedScene();
    const world = await putBack();

    // Without HTTP: otherwise the inbox would report the restore first.
    const restarted = await phone.restart({ world, hasHttp: false });
    restarted.watch(roomId);

    await expectRebuilt(restarted, roomId, ["a", "b", "c"]);
  });

  test("[SY49] [SY50] drops a copy that differs only in an id after new messages, even of a room that nobody opens", async () => {
    const { roomId, bo, phone, putBack } = await createForkedScene();
    const world = await putBack();
    const rpc = world.rpc({ token: bo.token });
    for (const text of ["x", "y", "z"]) {
      await rpc.chat.send.mutate({ roomId, text, commandId: phone.account.newId() });
    }

    const restarted = await phone.restart({ world });
    await restarted.until(async () => (await restarted.disk()).includes('"lost"'));
    restarted.chat.room(roomId);

    await expectRebuilt(restarted, roomId, ["a", "b", "c", "x", "y", "z"]);
  });

  test("[SY50] drops a copy whose newest segment the server no longer has", async () => {
    const { ada, roomId, phone, putBack, lost } = await createForkedScene({ segmentEvents: 6 });
    const world = await putBack();

    const restarted = await phone.restart({ world });
    restarted.watch(roomId);

    await expectRebuilt(restarted, roomId, ["a", "b", "c"]);
    await restarted.until(() => restarted.chat.rooms()[0]?.lastAuthorId === ada.id);
    await restarted.account.outbox.discard(lost.id as string as CommandId);
    expect(restarted.chat.rooms()).toMatchObject([{ preview: "c" }]);
  });

  test("[SY50] marks an acknowledged message as lost, instead of resending it for ever, when its event is missing", async () => {
    const { world, ada, bo, roomId, phone } = await createScene();
    await ada.send(roomId, "a");
    phone.watch(roomId);
    await untilShown(phone, roomId, ["a"]);
    const { path } = await world.admin.admin.database.backup.mutate();
    phone.sockets.setOnline(false);
    const { id } = await phone.chat.room(roomId).send("lost, edited");
    await phone.until(() => phone.account.outbox.entries.value[0]?.state === "acked");
    phone.kill();
    await world.server.close();
    copyFileSync(path, world.databaseUrl.slice("sqlite:".length));
    const restoredWorld = await world.restart();
    const rpc = restoredWorld.rpc({ token: bo.token });
    for (const text of ["x", "y"]) {
      await rpc.chat.send.mutate({ roomId, text, commandId: phone.account.newId() });
    }

    const restarted = await phone.restart({ world: restoredWorld });
    restarted.watch(roomId);

    await expectRebuilt(restarted, roomId, ["a", "x", "y"]);
    expect(restarted.chat.room(roomId).messages.at(-1)?.id).toBe(id);
  });

  test("[SY50] loses nothing when it stops at any write of the rebuild", async () => {
    const { roomId, phone, putBack, lost } = await createForkedScene({ segmentEvents: 4 });
    const world = await putBack();
    let device = await phone.restart({ isOnline: false });
    let stops = 0;
    for (let writes = 1; stops < writes; writes += 1) {
      let left = writes;
      let hasEnded = false;
      device.kill();
      const next = await device.restart({
        world,
        isOnline: true,
        endsAt: () => {
          left -= 1;
          hasEnded ||= left === 0;
          return left === 0;
        },
      });
      device = next;
      next.watch(roomId);
      await next.until(
        () => hasEnded || next.account.outbox.entries.value.some(({ state }) => state === "failed"),
      );
      if (!hasEnded) break;
      stops += 1;
    }

    expect(stops).toBeGreaterThan(2);
    await device.until(() => device.texts(roomId).length === 4);
    expect(statesOf(device, roomId)).toEqual(["a acked", "b acked", "c acked", "lost, edited failed"]);
    expect(device.account.outbox.entries.value.map(({ id }) => String(id))).toEqual([lost.id]);
  });
});

describe("a changed copy of a room", () => {
  const key = (roomId: string, segment = 0) => `room/${roomId}/${String(segment).padStart(9, "0")}`;
  const createKeptScene = async () => {
    const scene = await createScene();
    const { bo, roomId, phone } = scene;
    for (const text of ["a", "b"]) await bo.send(roomId, text);
    const stop = phone.watch(roomId);
    await untilShown(phone, roomId, ["a", "b"]);
    stop();
    return scene;
  };

  test("[SY51] loads again from the server, without ever being shown, when it contains an added message", async () => {
    const { ada, roomId, phone } = await createKeptScene();
    const tampered = await phone.restart({ isOnline: false });
    const doc = new Y.Doc();
    // With the highest client id, the added message is read first.
    doc.clientID = 2 ** 32 - 1;
    doc.getArray("events").push([[1, "message", "forged", ada.id, 1, "I owe you 100 €", null]]);
    const { records } = tampered.account;
    Y.applyUpdate(doc, (await records.getBytes(key(roomId))) ?? expect.fail("no copy"));
    await records.write([putBytes(key(roomId), Y.encodeStateAsUpdate(doc))]);

    const offline = await tampered.restart({ isOnline: false });
    offline.watch(roomId);
    await offline.until(() => offline.problems.length > 0);
    expect(offline.texts(roomId)).toEqual([]);
    expect(await offline.disk()).not.toContain("I owe you");
    expect(offline.problems).toMatchObject([{ kind: "room-rebuilt" }]);
    const restarted = await offline.restart();
    restarted.watch(roomId);

    await untilShown(restarted, roomId, ["a", "b"]);
    await restarted.until(async () => !(await restarted.disk()).includes("lost/"));
    expect(restarted.problems).toEqual([]);
    expect(restarted.account.outbox.entries.value).toEqual([]);
  });

  test("[SY51] loads again from the server when the change is in an older segment, as soon as that is opened", async () => {
    const { bo, roomId, phone } = await createScene({ segmentEvents: 4 });
    for (const text of texts(90)) await bo.send(roomId, text);
    await phone.chat.refresh();
    phone.watch(roomId);
    const room = phone.chat.room(roomId);
    await phone.until(() => room.isLoaded);
    while (room.hasOlder) await room.loadOlder();
    const tampered = await phone.restart({ isOnline: false });
    const { records } = tampered.account;
    const doc = new Y.Doc();
    Y.applyUpdate(doc, (await records.getBytes(key(roomId))) ?? expect.fail("no copy"));
    doc.getArray("events").push([[1, "message", "forged", bo.id, 1, "I owe you 100 €", null]]);
    await records.write([putBytes(key(roomId), Y.encodeStateAsUpdate(doc))]);

    const restarted = await tampered.restart();
    restarted.watch(roomId);
    await restarted.until(() => restarted.chat.room(roomId).isLoaded);
    while (restarted.chat.room(roomId).hasOlder) await restarted.chat.room(roomId).loadOlder();

    expect(restarted.texts(roomId)).toEqual(texts(90));
    await restarted.until(async () => !(await restarted.disk()).includes("I owe you"));
  });

  test("[SY51] loads again from the server when a message was replaced, as soon as that is noticed", async () => {
    const { bo, roomId, phone } = await createKeptScene();
    const tampered = await phone.restart({ isOnline: false });
    const doc = new Y.Doc();
    doc.getArray("events").push([[1, "message", "forged", bo.id, 1, "I owe you 100 €", null]]);
    await tampered.account.records.write([putBytes(key(roomId), Y.encodeStateAsUpdate(doc))]);

    const restarted = await tampered.restart();
    restarted.watch(roomId);

    await untilShown(restarted, roomId, ["a", "b"]);
    expect(restarted.problems).toMatchObject([{ kind: "room-rebuilt" }]);
    await restarted.until(async () => !(await restarted.disk()).includes("I owe you"));
  });

  test("[SY51] loads again from the server when the disk has damaged it", async () => {
    const { roomId, phone } = await createKeptScene();
    const tampered = await phone.restart({ isOnline: false });
    await tampered.account.records.write([{ key: key(roomId), value: Uint8Array.of(1, 2, 3, 4, 5, 6, 7) }]);

    const restarted = await tampered.restart();
    restarted.watch(roomId);

    await untilShown(restarted, roomId, ["a", "b"]);
    expect(restarted.problems).toMatchObject([{ kind: "record-damaged" }]);
  });
});

describe("the list of rooms", () => {
  test("shows unread counts, and marks as read on one device what another has read", async () => {
    const { world, ada, bo, roomId, phone } = await createScene();
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
    const { world, ada, bo, roomId, phone } = await createScene();
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
    const { world, ada, bo, roomId, phone } = await createScene();
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
    const { world, ada, bo, phone } = await createScene();
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
    const { world, ada, bo, phone } = await createScene();
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
    const { roomId, phone } = await createScene();
    await phone.chat.refresh();
    const tampered = await phone.restart({ isOnline: false });
    await tampered.account.records.write([{ key: `inbox/${roomId}`, value: Uint8Array.of(1, 2, 3) }]);

    const restarted = await tampered.restart();
    expect(restarted.chat.rooms()).toEqual([]);
    await restarted.until(() => restarted.chat.rooms().length === 1);

    expect(restarted.requests).toMatchObject([expect.stringContaining("null")]);
  });

  test("opens rooms, answers invitations and changes groups, each once even when replies are lost", async () => {
    const { world, ada, bo, phone, laptop } = await createScene();
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
