import { describe, expect, test } from "vitest";
import { createApp, type App } from "../../support/apps/app.ts";
import { writeRows } from "../../support/databases/databases.ts";
import { createProxy } from "../../support/network/proxy.ts";
import { until, untilWithin } from "../../support/network/sync-client.ts";
import { createWorld } from "../../support/servers/world.ts";
import { createStudent } from "../../support/students/student.ts";

/** A student whose app reaches the server through a proxy, and every state that the app has shown since the sign-in. */
const createScene = async () => {
  const world = await createWorld();
  const friend = await createStudent(world);
  const proxy = await createProxy(world.url);
  const app = await createApp({ url: proxy.url, sms: world.sms });
  const phone = await app.signIn();
  const { id: roomId } = await app.client.chat.createRoom({ kind: "direct", userId: friend.id });
  await app.client.sync.flush();
  await until(() => app.client.sync.status.connection === "online");
  const shown = new Set([app.client.auth.state]);
  app.client.auth.onChange(({ state }) => shown.add(state));
  return { world, friend, proxy, app, phone, roomId, shown };
};

/** Waits until a condition holds, while the device's time passes slowly. */
const untilWithTimers = ({ clock }: App, condition: () => boolean | Promise<boolean>): Promise<void> =>
  untilWithin({ clock, within: { minutes: 5 }, step: { ms: 50 } }, condition);

describe("a session key that is lost on the way to the server", () => {
  test("[SI38] ends no session, fails no command and loses nothing", async () => {
    const { friend, proxy, app, roomId, shown } = await createScene();
    const { client, requests } = app;
    proxy.stripKeys(["requests", "upgrades"]);
    const before = requests.length;

    await client.chat.room(roomId).send("Through the proxy");
    await client.profile.update({ name: "Ada" });
    await client.push.register("ExponentPushToken[abcdefghijklmnopqrstuv]", { provider: "expo" });
    const reading = client.contacts.list({ refresh: true });
    await expect(reading).rejects.toMatchObject({ reason: "offline" });
    for (const path of ["chat.send", "profile.update", "push.register", "sessions.validate"])
      await untilWithTimers(
        app,
        () => requests.slice(before).filter((url) => url.includes(path)).length >= 2,
      );

    expect(client.outbox.list().map(({ state }) => state)).toEqual(["pending", "pending"]);
    expect([...shown]).toEqual(["signedIn"]);
    proxy.pass();
    await untilWithTimers(app, () => client.sync.status.pending === 0);
    await untilWithTimers(app, () => client.sync.status.connection === "online");
    expect(client.sync.status).toMatchObject({ auth: "signedIn", failed: 0 });
    expect(await friend.texts(roomId)).toEqual(["Through the proxy"]);
    expect([...shown]).toEqual(["signedIn"]);
  });

  test("[SI38] ends no session when the app is opened meanwhile", async () => {
    const { proxy, app } = await createScene();
    proxy.stripKeys(["requests", "upgrades"]);

    const restarted = await app.restart();
    const validations = () => restarted.requests.filter((url) => url.includes("sessions.validate")).length;
    await untilWithTimers(restarted, () => validations() >= 3);

    expect(restarted.client.auth.state).toBe("signedIn");
    proxy.pass();
    await untilWithTimers(restarted, () => restarted.client.sync.status.connection === "online");
    expect(restarted.client.auth.state).toBe("signedIn");
  });

  test("ends the session on the server, after a sign-out, as soon as the key arrives", async () => {
    const { world, proxy, app, phone } = await createScene();
    const [session] = (await world.admin.admin.sessions.list.query({ phone })).items;
    const logouts = () => app.requests.filter((url) => url.includes("sessions.logout")).length;
    const isLive = async (): Promise<boolean> =>
      (await world.admin.admin.sessions.list.query({ phone })).items.some(({ id }) => id === session?.id);
    proxy.stripKeys(["requests", "upgrades"]);

    await app.client.auth.signOut({ pending: "discard" });
    await untilWithTimers(app, () => logouts() >= 2);

    expect(await isLive()).toBe(true);
    proxy.pass();
    await untilWithTimers(app, async () => !(await isLive()));
  });

  test("[SI38] ends no session when only the sockets lose it: commands are sent meanwhile", async () => {
    const { friend, proxy, app, roomId, shown } = await createScene();
    proxy.stripKeys(["upgrades"]);

    await app.client.chat.room(roomId).send("Without a socket");
    await untilWithTimers(app, async () => (await friend.texts(roomId)).includes("Without a socket"));
    await untilWithTimers(app, () => app.requests.some((url) => url.includes("sessions.validate")));

    proxy.pass();
    await untilWithTimers(app, () => app.client.sync.status.connection === "online");
    expect([...shown]).toEqual(["signedIn"]);
  });
});

test("[SI38] a key of no session ends the session on the device, and keeps what was not sent", async () => {
  const { world, app, phone, roomId, friend } = await createScene();
  app.setOnline(false);
  await app.client.chat.room(roomId).send("Written on the train");
  const [session] = (await world.admin.admin.sessions.list.query({ phone })).items;
  await writeRows(world.databaseUrl, `delete from sessions where id = '${session?.id ?? ""}'`);
  world.clock.advance({ seconds: 1 });

  app.setOnline(true);

  await until(() => app.client.auth.state === "expired");
  expect(app.client.auth.status).toMatchObject({ reason: "session/unknown" });
  await app.signIn(phone);
  await app.client.sync.flush();
  expect(await friend.texts(roomId)).toEqual(["Written on the train"]);
});
