import { expect, test } from "vitest";
import { v7 as uuidv7 } from "uuid";
import { WebSocket } from "ws";
import { createApp, type App, type AppOptions } from "../../support/apps/app.ts";
import { createStudent, type Student } from "../../support/students/student.ts";
import { untilWithin } from "../../support/network/sync-client.ts";
import { createWorld } from "../../support/servers/world.ts";

const ROOMS = 30;

/** Opens groups with a friend who has written into each of them. */
const openWrittenGroups = async (student: Student, friend: Student): Promise<readonly string[]> => {
  await friend.knows(student);
  const roomIds: string[] = [];
  for (let index = 0; index < ROOMS; index += 1) {
    const commandId = uuidv7();
    const { id } = await student.rpc.chat.rooms.create.mutate({
      kind: "group",
      memberIds: [friend.id],
      name: `Group ${index}`,
      commandId,
    });
    await friend.send(id, `Hello ${index}`);
    roomIds.push(id);
  }
  return roomIds;
};

/** Counts open sockets: all of them, and those to the user document. */
const createSocketCounter = () => {
  const open = new Set<WebSocket>();
  const counter = { most: 0, documents: () => [...open].filter(({ url }) => url.includes("/user/")).length };
  class CountedWebSocket extends WebSocket {
    constructor(address: string, protocols?: string[]) {
      super(address, protocols);
      this.on("open", () => {
        open.add(this);
        // A socket that was given up still waits for the server's confirmation.
        const used = [...open].filter(({ readyState }) => readyState === WebSocket.OPEN);
        counter.most = Math.max(counter.most, used.length);
      });
      this.on("close", () => open.delete(this));
    }
  }
  return { counter, CountedWebSocket };
};

const createScene = async (options: AppOptions = {}) => {
  const world = await createWorld();
  const [ada, bo] = [await createStudent(world), await createStudent(world)];
  const roomIds = await openWrittenGroups(ada, bo);
  const { counter, CountedWebSocket } = createSocketCounter();
  const app = await createApp(world, { WebSocket: CountedWebSocket, ...options });
  await app.signIn(ada.phone);
  return { world, ada, bo, roomIds, app, counter };
};

const within = ({ clock }: App, condition: () => boolean | Promise<boolean>): Promise<void> =>
  untilWithin({ clock, within: { seconds: 30 } }, condition);

const watchAll = ({ client }: App, roomIds: readonly string[]): void => {
  for (const roomId of roomIds) client.chat.room(roomId).watch(() => {});
};

const lastTexts = ({ client }: App, roomIds: readonly string[]): (string | undefined)[] =>
  roomIds.map((roomId) => client.chat.room(roomId).messages.at(-1)?.text);

const HELLOS = Array.from({ length: ROOMS }, (_, index) => `Hello ${index}`);

test("[SY54] an app that watches 30 rooms has the messages of all of them over at most 13 sockets", async () => {
  const { app, roomIds, counter } = await createScene();

  watchAll(app, roomIds);
  await within(app, () => lastTexts(app, roomIds).join() === HELLOS.join());

  expect(counter.most).toBeLessThanOrEqual(13);
  expect(app.client.sync.status.connection).toBe("online");
});

test("[SY54] the user document has its place after a restart in which 30 rooms are watched at once", async () => {
  const { app, roomIds } = await createScene();
  const { counter, CountedWebSocket } = createSocketCounter();
  const restarted = await app.restart({ WebSocket: CountedWebSocket });

  watchAll(restarted, roomIds);
  await within(restarted, () => lastTexts(restarted, roomIds).join() === HELLOS.join());
  await restarted.client.settings.set("theme", "dark");
  await within(restarted, () => restarted.client.sync.status.pending === 0);

  expect(counter.documents()).toBe(1);
  expect(restarted.client.sync.status.connection).toBe("online");
});

test("[SY54] a watched room without a socket shows a new message, and the room on screen gets its socket back", async () => {
  const { app, roomIds, bo, world } = await createScene();
  watchAll(app, roomIds);
  await within(app, () => lastTexts(app, roomIds).join() === HELLOS.join());

  for (const roomId of roomIds.slice(0, 3)) {
    world.clock.advance({ seconds: 1 });
    await bo.send(roomId, "News");
  }
  await within(app, () => lastTexts(app, roomIds.slice(0, 3)).every((text) => text === "News"));

  expect(lastTexts(app, roomIds.slice(3))).toEqual(HELLOS.slice(3));
});

test("the status is not online while the user document has no socket", async () => {
  const { app, roomIds } = await createScene({
    WebSocket: class extends WebSocket {
      constructor(address: string, protocols?: string[]) {
        super(address.replace(/\/user\/.*/, "/user/00000000-0000-7000-8000-000000000000"), protocols);
      }
    },
    onProblem: () => {},
  });

  watchAll(app, roomIds.slice(0, 2));
  await within(app, () => lastTexts(app, roomIds.slice(0, 2)).join() === HELLOS.slice(0, 2).join());

  expect(app.client.sync.status.connection).toBe("connecting");
});
