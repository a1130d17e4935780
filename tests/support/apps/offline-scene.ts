import type { Client, MemoryStorage } from "@edvoyage/client-sdk";
import { WebSocket } from "ws";
import { createApp, type App, type AppOptions } from "./app.ts";
import { createStudent } from "../students/student.ts";
import { until } from "../network/sync-client.ts";
import { createWorld, type World, type WorldOptions } from "../servers/world.ts";

/** A student with an app, who shares a room with a friend. */
export const createOfflineScene = async (options: WorldOptions = {}) => {
  const world = await createWorld(options);
  await world.server.seedIfEmpty();
  const friend = await createStudent(world);
  const app = await createApp(world);
  const phone = await app.signIn();
  const room = await app.client.chat.createRoom({ kind: "direct", userId: friend.id });
  return { world, friend, app, phone, roomId: room.id };
};

/** A network that carries nothing from the start of the app on. */
export const OFFLINE: AppOptions = {
  fetch: () => Promise.reject(new TypeError("fetch failed")),
  WebSocket: class extends WebSocket {
    constructor() {
      super("ws://127.0.0.1:9");
    }
  },
};

/** Returns the texts of a room on a device, newest last. */
export const textsOn = ({ chat }: Client, roomId: string): string[] =>
  chat.room(roomId).messages.map(({ text }) => text);

/** Returns the ids of some universities of the catalogue. */
export const universitiesOf = async (world: World, count: number): Promise<string[]> => {
  const { items } = await world.rpc().universities.list.query({ limit: count });
  return items.map(({ id }) => id);
};

/** Returns whether any record of any store contains this text. */
export const storageContains = async (storage: MemoryStorage, text: string): Promise<boolean> => {
  const wantedBytes = Buffer.from(text);
  for (const name of await storage.list()) {
    const store = await storage.open(name);
    for (const { value } of await store.list("")) if (Buffer.from(value).includes(wantedBytes)) return true;
    await store.close();
  }
  return false;
};

/** Waits until an app lists a room. */
export const untilRoomKnown = (app: App, roomId: string) =>
  until(() => app.client.chat.rooms().some(({ id }) => id === roomId));
