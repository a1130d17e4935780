import { createMemoryStorage } from "@edvoyage/client-sdk";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { createApp, type App } from "../../support/apps/app.ts";
import { until, untilWithin } from "../../support/network/sync-client.ts";
import { createWorld } from "../../support/servers/world.ts";
import { createStudent, openDirect } from "../../support/students/student.ts";

/** Tabs of one browser in which one student is signed in, and the sockets of all of them. */
const createTabs = async (count: number) => {
  const world = await createWorld();
  const [ada, bo] = [await createStudent(world), await createStudent(world)];
  const roomId = await openDirect(ada, bo);
  const storage = createMemoryStorage();
  const opened: WebSocket[] = [];
  class SharedWebSocket extends WebSocket {
    constructor(address: string, protocols?: string[]) {
      super(address, protocols);
      opened.push(this);
    }
  }
  const tabs: App[] = [];
  for (let index = 0; index < count; index += 1)
    tabs.push(await createApp(world, { storage: storage.connect(), WebSocket: SharedWebSocket }));
  const [first] = tabs;
  await first?.signIn(ada.phone);
  await until(() => tabs.every(({ client }) => client.sync.status.connection === "online"));
  const isOpen = ({ readyState }: WebSocket): boolean => readyState === WebSocket.OPEN;
  return { world, ada, bo, roomId, tabs, open: () => opened.filter(isOpen) };
};

/** Lets ten seconds pass in all tabs. */
const within = (tabs: readonly App[], condition: () => boolean): Promise<void> =>
  untilWithin(
    {
      clock: {
        advance: (span) => {
          for (const { clock } of tabs) clock.advance(span);
        },
      },
      within: { seconds: 10 },
    },
    condition,
  );

const textsOf = ({ client }: App, roomId: string): string =>
  client.chat
    .room(roomId)
    .messages.map(({ text }) => text)
    .join();

test("[SY58] fourteen tabs of one student have one socket for the document, and all show new messages", async () => {
  const { bo, roomId, tabs, open } = await createTabs(14);
  for (const { client } of tabs) client.chat.room(roomId).watch(() => {});

  await bo.send(roomId, "One");
  await within(tabs, () => tabs.every((tab) => textsOf(tab, roomId) === "One"));
  await bo.send(roomId, "Two");
  await within(tabs, () => tabs.every((tab) => textsOf(tab, roomId) === "One,Two"));

  expect(open().length).toBeLessThanOrEqual(2);
  expect(new Set(tabs.map(({ client }) => client.sync.status.connection))).toEqual(new Set(["online"]));
});

test("[SY58] edits and messages of a tab without sockets reach the server and the other tabs", async () => {
  const { world, ada, bo, roomId, tabs } = await createTabs(3);
  const [leader, follower] = tabs;
  if (!leader || !follower) throw new Error("no tabs");
  for (const { client } of tabs) client.chat.room(roomId).watch(() => {});

  await follower.client.settings.set("theme", "dark");
  await follower.client.chat.room(roomId).send("From a tab");
  await within(tabs, () => tabs.every((tab) => textsOf(tab, roomId) === "From a tab"));
  await within(tabs, () => tabs.every(({ client }) => client.sync.status.pending === 0));
  const elsewhere = await createApp(world);
  await elsewhere.signIn(ada.phone);
  await until(() => elsewhere.client.settings.get("theme") === "dark");
  await elsewhere.client.settings.set("theme", "light");
  await within(tabs, () => tabs.every(({ client }) => client.settings.get("theme") === "light"));

  expect(await bo.texts(roomId)).toEqual(["From a tab"]);
});

test("[SY58] a tab without sockets shows a room that no other tab has opened, and its list of rooms", async () => {
  const { bo, roomId, tabs } = await createTabs(2);
  const [, follower] = tabs;
  if (!follower) throw new Error("no tabs");
  await bo.send(roomId, "Only here");

  follower.client.chat.room(roomId).watch(() => {});
  await within(tabs, () => textsOf(follower, roomId) === "Only here");
  await within(tabs, () => follower.client.chat.rooms()[0]?.preview === "Only here");

  expect(follower.client.chat.rooms()).toMatchObject([{ unread: 1 }]);
});

test("[SY58] another tab takes the sockets over when the one that had them is closed", async () => {
  const { bo, roomId, tabs, open } = await createTabs(3);
  const [leader, ...others] = tabs;
  for (const { client } of others) client.chat.room(roomId).watch(() => {});

  await leader?.client.close();
  await bo.send(roomId, "Still here");
  await within(others, () => others.every((tab) => textsOf(tab, roomId) === "Still here"));
  await others[1]?.client.settings.set("theme", "dark");
  await within(others, () => others.every(({ client }) => client.sync.status.pending === 0));

  expect(open().filter(({ url }) => url.includes("/user/"))).toHaveLength(1);
  expect(others.map(({ client }) => client.sync.status.connection)).toEqual(["online", "online"]);
});
