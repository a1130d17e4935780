import { MESSAGE_TYPES, userDocumentName } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { v7 as uuidv7 } from "uuid";
import { WebSocket } from "ws";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createFakeClock } from "../../support/fakes/fake-clock.ts";
import { connectRaw, until, untilWithin } from "../../support/network/sync-client.ts";
import { createWorld, joinWorld, type World } from "../../support/servers/world.ts";
import { createStudent, openDirect } from "../../support/students/student.ts";

const createScene = async (world: World) => {
  const [ada, bo] = [await createStudent(world), await createStudent(world)];
  const roomId = await openDirect(ada, bo);
  world.clock.advance({ minutes: 10 });
  return { ada, bo, roomId };
};

describe.each(DIALECTS)("[SY59] the server's clock, on %s", (dialect) => {
  test("a clock that is set back hides nothing from devices", async () => {
    const world = await createWorld({ dialect });
    const { ada, bo, roomId } = await createScene(world);
    const { serverNow } = await bo.rpc.inbox.changes.query();
    world.clock.set({ minutes: -5 });

    const { at } = await ada.send(roomId, "After the change");
    await ada.rpc.contacts.add.mutate({ userId: bo.id });
    const [changes, own] = [
      await bo.rpc.inbox.changes.query({ since: serverNow }),
      await ada.rpc.inbox.changes.query({ since: serverNow }),
    ];

    expect(changes.rooms).toMatchObject([{ id: roomId, preview: "After the change" }]);
    expect(own.areas).toMatchObject([{ area: "contacts" }]);
    expect(at).toBeGreaterThanOrEqual(serverNow);
    expect(changes.serverNow).toBeGreaterThanOrEqual(serverNow);
  });

  test("a clock that is set back during a restart hides nothing either", async () => {
    const world = await createWorld({ dialect });
    const { ada, bo, roomId } = await createScene(world);
    const { serverNow } = await bo.rpc.inbox.changes.query();
    // The server stores its time every five seconds.
    world.clock.advance({ seconds: 5 });
    const { restart } = world;
    world.clock.set({ minutes: -5 });

    const restarted = await restart();
    await restarted
      .rpc({ token: ada.token })
      .chat.send.mutate({ roomId, text: "After the restart", commandId: uuidv7() });
    const { rooms } = await restarted.rpc({ token: bo.token }).inbox.changes.query({ since: serverNow });

    expect(rooms).toMatchObject([{ id: roomId, preview: "After the restart" }]);
  });

  test("open sockets stay open and get their hints and heartbeats when the clock jumps", async () => {
    const world = await createWorld({ dialect });
    const { ada, bo, roomId } = await createScene(world);
    const { socket, received } = await connectRaw(
      { url: world.url, token: bo.token },
      userDocumentName(bo.id),
    );
    const count = (type: number): number => received.filter((frame) => frame[0] === type).length;

    for (const minutes of [-30, 50, -20]) {
      const [hints, heartbeats] = [MESSAGE_TYPES.inbox, MESSAGE_TYPES.awareness].map(count);
      await ada.send(roomId, "Before");
      await until(() => count(MESSAGE_TYPES.inbox) > (hints ?? 0));
      world.clock.set({ minutes });
      await ada.send(roomId, "After");
      await untilWithin(
        { clock: world.clock, within: { seconds: 2 } },
        () => count(MESSAGE_TYPES.inbox) > (hints ?? 0) + 1,
      );
      await untilWithin(
        { clock: world.clock, within: { seconds: 22 }, step: { seconds: 1 } },
        () => count(MESSAGE_TYPES.awareness) > (heartbeats ?? 0),
      );
    }

    expect(socket.readyState).toBe(WebSocket.OPEN);
  });
});

test("[SY59] a node whose clock is behind tells devices of changes that those of another node would have missed", async () => {
  const world = await createWorld({ dialect: "postgres" });
  const { ada, bo, roomId } = await createScene(world);
  const behind = await joinWorld(world, { clock: createFakeClock({ minutes: 5 }) });
  const { serverNow } = await bo.rpc.inbox.changes.query();
  for (const { clock } of [world, behind]) clock.advance({ seconds: 6 });

  await until(async () => {
    const { serverNow: now } = await behind.rpc({ token: bo.token }).inbox.changes.query();
    return now >= serverNow;
  });
  await behind
    .rpc({ token: ada.token })
    .chat.send.mutate({ roomId, text: "From the other node", commandId: uuidv7() });
  const { rooms } = await bo.rpc.inbox.changes.query({ since: serverNow });

  expect(rooms).toMatchObject([{ id: roomId, preview: "From the other node" }]);
});
