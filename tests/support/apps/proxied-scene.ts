import { createWorld, type WorldOptions } from "../servers/world.ts";
import { createProxy } from "../network/proxy.ts";
import { untilWithin } from "../network/sync-client.ts";
import { createStudent } from "../students/student.ts";
import { createApp, type App } from "./app.ts";

/** A student whose app reaches the server through a proxy, and a friend. */
export const createProxiedScene = async (options: WorldOptions = {}, platformFetch?: typeof fetch) => {
  const world = await createWorld(options);
  await world.server.seedIfEmpty();
  const friend = await createStudent(world);
  const proxy = await createProxy(world.url);
  const app = await createApp(
    { url: proxy.url, sms: world.sms },
    platformFetch ? { fetch: platformFetch } : {},
  );
  const phone = await app.signIn();
  const { id: roomId } = await app.client.chat.createRoom({ kind: "direct", userId: friend.id });
  const { items } = await app.client.universities.list({});
  await app.client.sync.flush();
  return { world, friend, proxy, app, phone, roomId, universityId: items[0]?.id ?? "" };
};

/** The scene of a student behind a proxy. */
export type ProxiedScene = Awaited<ReturnType<typeof createProxiedScene>>;

/** Waits until a condition holds. The device's time passes slowly, because calls would time out otherwise. */
export const untilWithTimers = ({ clock }: App, condition: () => boolean | Promise<boolean>): Promise<void> =>
  untilWithin({ clock, within: { minutes: 4 }, step: { seconds: 1 } }, condition);
