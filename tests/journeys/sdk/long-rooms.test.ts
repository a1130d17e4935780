import { describe, expect, test } from "vitest";
import { createChatDeviceScene, untilShown, reasonOf, texts } from "../../support/apps/chat-device-scene.ts";

describe("a long room", () => {
  const createLongRoom = async (count: number) => {
    const scene = await createChatDeviceScene({ segmentEvents: 8 });
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
