import { copyFileSync } from "node:fs";
import { putBytes } from "@edvoyage/client-sdk/testing";
import type { CommandId } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import type { ChatDevice } from "../../support/apps/chat-device.ts";
import { runTerminal } from "../../support/apps/terminal.ts";
import type { World } from "../../support/servers/world.ts";
import { createChatDeviceScene, untilShown, statesOf, texts } from "../../support/apps/chat-device-scene.ts";

describe("a device after the server was restored to an earlier state", () => {
  /** Ada's phone has five messages; the backup lacks the last two, one from each student. */
  const createForkedScene = async ({ segmentEvents = 256 } = {}) => {
    const scene = await createChatDeviceScene({ segmentEvents });
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
    const { world, ada, bo, roomId, phone } = await createChatDeviceScene();
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
    const scene = await createChatDeviceScene();
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
    const { bo, roomId, phone } = await createChatDeviceScene({ segmentEvents: 4 });
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
