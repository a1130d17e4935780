import { describe, expect, test } from "vitest";
import { createChatDevice } from "../../support/apps/chat-device.ts";
import { untilWithin } from "../../support/network/sync-client.ts";
import {
  createChatDeviceScene,
  untilShown,
  statesOf,
  reasonOf,
} from "../../support/apps/chat-device-scene.ts";

describe("a conversation", () => {
  test("shows both students each message, in one order and with its author", async () => {
    const { ada, bo, roomId, phone, laptop } = await createChatDeviceScene();
    phone.watch(roomId);
    laptop.watch(roomId);

    const hello = await phone.chat.room(roomId).send("Hello");
    expect(phone.chat.room(roomId).messages).toMatchObject([
      { id: hello.id, state: "pending", authorId: ada.id, position: null },
    ]);
    await untilShown(laptop, roomId, ["Hello"]);
    await laptop.chat.room(roomId).send("Hi Ada", { replyTo: hello.id });
    await untilShown(phone, roomId, ["Hello", "Hi Ada"]);

    expect(await hello.settled).toMatchObject({ messageId: hello.id, position: { segment: 0, index: 2 } });
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
    const { bo, roomId, phone, laptop } = await createChatDeviceScene();
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
    const { bo, roomId, phone } = await createChatDeviceScene();
    await phone.until(() => phone.chat.rooms().length === 1);
    await bo.send(roomId, "a");
    phone.loseReplies(3);

    await phone.chat.refresh();

    expect(phone.chat.rooms()).toMatchObject([{ preview: null }]);
    // The waits between its tries add up to several seconds.
    await phone.until(() => phone.chat.rooms()[0]?.preview === "a", { seconds: 1 });
  });

  test("shows messages offline after a restart once they were loaded", async () => {
    const { ada, bo, roomId, phone } = await createChatDeviceScene();
    for (const text of ["a", "b"]) await bo.send(roomId, text);
    phone.watch(roomId);
    await untilShown(phone, roomId, ["a", "b"]);
    await phone.until(() => phone.chat.rooms()[0]?.preview === "b");

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
    const { bo, roomId, phone, laptop } = await createChatDeviceScene();
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
    const { roomId, phone } = await createChatDeviceScene();
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
    const { bo, roomId, phone } = await createChatDeviceScene();
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
    const { bo, roomId, phone } = await createChatDeviceScene();
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
    const { roomId, phone } = await createChatDeviceScene();
    const room = phone.chat.room(roomId);

    expect(await reasonOf(room.send("x".repeat(4_001)))).toBe("limit/reached");
    for (const text of ["", " \n", "\ud83d", "a\0b"])
      expect(await reasonOf(room.send(text))).toBe("input/invalid");
    expect(await reasonOf(room.react("some", ""))).toBe("input/invalid");
    expect(phone.account.outbox.entries.value).toEqual([]);
    await room.send(`${"x".repeat(3_998)}😀`);
  });

  test("shows others who is typing, until the typing ends", async () => {
    const { world, ada, bo, roomId, phone, laptop } = await createChatDeviceScene();
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
