import {
  CLOSE_CODES,
  MESSAGE_TYPES,
  roomDocumentName,
  userDocumentName,
  type RoomId,
} from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createFakeClock } from "../../support/fakes/fake-clock.ts";
import { createStudent, openGroup, type Student } from "../../support/students/student.ts";
import { connectRaw, connectStock, until, untilWithin } from "../../support/network/sync-client.ts";
import { createWorld, joinWorld } from "../../support/servers/world.ts";

/** Two nodes, each with its own clock, and a room of two students on the first. */
const createScene = async () => {
  const here = await createWorld({ dialect: "postgres" });
  const paused = await joinWorld(here, { clock: createFakeClock() });
  const [ada, bo] = [await createStudent(here), await createStudent(here)];
  const roomId = await openGroup(ada, [bo]);
  const openRoom = async ({ token }: Student) => {
    const client = connectStock({ url: paused.url, token }, roomDocumentName(roomId as RoomId, 0));
    await client.synced();
    return client;
  };
  /** Opens a bare socket; `flushed()` resolves when everything sent before it has arrived. */
  const listen = async ({ token }: Student, name: string) => {
    const { received, send, closed } = await connectRaw({ url: paused.url, token }, name);
    const flushed = async (): Promise<void> => {
      const barriers = () => received.filter((frame) => frame[0] === MESSAGE_TYPES.barrier).length;
      const before = barriers();
      send(MESSAGE_TYPES.barrier, 1, 7);
      await until(() => barriers() > before);
    };
    await flushed();
    return { received, closed, flushed };
  };
  /** Lets time pass on the paused node without its timers, which then all fire at once. */
  const pause = (): void => paused.clock.advance({ seconds: 66 });
  return { here, paused, ada, bo, roomId, openRoom, listen, pause };
};

// Needs PostgreSQL; databases.setup.ts prints what was skipped on a machine without one.
describe.skipIf(!DIALECTS.includes("postgres"))("a node after a pause of 66 seconds", () => {
  test("[SY15] closes a room to a member who was removed in the meantime, even if nobody writes in it", async () => {
    const { ada, bo, roomId, listen, paused, pause } = await createScene();
    // A bare socket: the stock client reconnects when it hears nothing for half a minute.
    const { closed } = await listen(bo, roomDocumentName(roomId as RoomId, 0));
    paused.clock.advance({ ms: 400 });

    await ada.rpc.chat.rooms.removeMember.mutate({ roomId, userId: bo.id });
    pause();

    expect(await closed).toBe(CLOSE_CODES.forbidden);
  });

  test("[SY42] hides presence from a student who was blocked in the meantime", async () => {
    const { ada, bo, openRoom, paused, pause } = await createScene();
    const [adasRoom, bosRoom] = [await openRoom(ada), await openRoom(bo)];
    adasRoom.provider.awareness.setLocalState({ mood: "calm" });
    const seen = () => [...bosRoom.provider.awareness.getStates().values()].map(({ user }) => user?.id);
    await untilWithin({ clock: paused.clock, within: { seconds: 1 } }, () => seen().includes(ada.id));

    await ada.blocks(bo);
    pause();

    await until(() => !seen().includes(ada.id));
    expect(bosRoom.provider.wsconnected).toBe(true);
  });

  test("[SY27] tells a device that the student's data changed in the meantime", async () => {
    const { here, ada, listen, paused, pause } = await createScene();
    const { received, flushed } = await listen(ada, userDocumentName(ada.id));
    // Waits until the node no longer looks back at the changes so far.
    for (let step = 0; step < 10; step += 1) {
      for (const { clock } of [here, paused]) clock.advance({ seconds: 5 });
      await flushed();
    }
    const hints = () => received.filter((frame) => frame[0] === MESSAGE_TYPES.inbox).length;
    const before = hints();

    await ada.rpc.profile.update.mutate({ name: "Ada" });
    pause();

    await untilWithin({ clock: paused.clock, within: { seconds: 1 } }, () => hints() > before);
  });

  test("[SY27] sends a device what another device stored in the student's document in the meantime", async () => {
    const { here, ada, paused, pause } = await createScene();
    await here.server.seedIfEmpty();
    const [course] = (await here.rpc().courses.list.query({ limit: 1 })).items;
    const tablet = connectStock({ url: paused.url, token: ada.token }, userDocumentName(ada.id));
    await tablet.synced();
    paused.clock.advance({ ms: 400 });

    await ada.rpc.favourites.add.mutate({ kind: "course", id: course?.id ?? "" });
    pause();

    await until(() => tablet.doc.getArray("favourites").length === 1);
  });
});
