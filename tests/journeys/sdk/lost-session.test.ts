import type { Problem } from "@edvoyage/client-sdk";
import { expect, test } from "vitest";
import { createApp, type App } from "../../support/apps/app.ts";
import { createKeychain } from "../../support/fakes/keychain.ts";
import { createStudent } from "../../support/students/student.ts";
import { until } from "../../support/network/sync-client.ts";
import { createWorld, type World } from "../../support/servers/world.ts";

/** A student who has written something offline, and whose app was closed afterwards. */
const createScene = async (options: Parameters<typeof createApp>[1] = {}) => {
  const world = await createWorld();
  const friend = await createStudent(world);
  const app = await createApp(world, options);
  const phone = await app.signIn();
  const { id: roomId } = await app.client.chat.createRoom({ kind: "direct", userId: friend.id });
  await until(() => app.client.sync.status.connection === "online");
  app.setOnline(false);
  await app.client.chat.room(roomId).send("Written on the train");
  await app.client.settings.set("theme", "dark");
  await app.client.close();
  return { world, friend, app, phone, roomId };
};

const storeOf = async ({ storage }: App): Promise<string> =>
  (await storage.list()).find((name) => name.startsWith("student-")) ?? expect.fail("there is no store");

/** Changes one byte of a record, as a worn disk does. */
const damage = async (app: App, name: string, key: string): Promise<void> => {
  const store = await app.storage.open(name);
  const value = (await store.get(key)) ?? expect.fail(`there is no ${key}`);
  await store.write([{ key, value: value.map((byte, at) => (at === 6 ? byte ^ 1 : byte)) }]);
  await store.close();
};

const restart = async (app: App, options: Parameters<App["restart"]>[0] = {}) => {
  const problems: Problem["kind"][] = [];
  const restarted = await app.restart({ onProblem: ({ kind }) => problems.push(kind), ...options });
  return { restarted, problems };
};

/** Signs in, and expects everything unsent to arrive. */
const expectAllSent = async (
  { client, signIn }: App,
  {
    world,
    friend,
    phone,
    roomId,
  }: Pick<Awaited<ReturnType<typeof createScene>>, "friend" | "phone" | "roomId"> & {
    readonly world: World;
  },
): Promise<void> => {
  await signIn(phone);
  await client.sync.flush();
  expect(await friend.texts(roomId)).toEqual(["Written on the train"]);
  const other = await createApp(world);
  await other.signIn(phone);
  await until(() => other.client.settings.get("theme") === "dark");
};

test.each(["session", "session-key"])(
  "a damaged %s needs a new sign-in, even at a later start, but loses nothing that was written",
  async (key) => {
    const scene = await createScene();
    await damage(scene.app, await storeOf(scene.app), key);

    const first = await restart(scene.app);
    const { status } = first.restarted.client.auth;
    const { restarted, problems } = await restart(first.restarted);

    expect(status).toMatchObject({
      state: "expired",
      student: { phone: scene.phone },
      reason: "session/required",
    });
    expect(first.problems).toEqual(
      key === "session" ? ["record-damaged", "session-lost"] : ["record-damaged"],
    );
    expect(problems).toEqual([]);
    expect(restarted.client.auth.status).toMatchObject({ state: "expired", student: { phone: scene.phone } });
    expect(restarted.client.sync.status.pending).toBe(2);
    await expectAllSent(restarted, scene);
  },
);

test("a lost store needs a new sign-in, and is reported as a problem", async () => {
  const world = await createWorld();
  const app = await createApp(world);
  const phone = await app.signIn();
  await app.client.close();
  await app.storage.delete(await storeOf(app));

  const { restarted, problems } = await restart(app);

  expect(restarted.client.auth.status).toMatchObject({ state: "expired", student: { phone } });
  expect(problems).toEqual(["session-lost"]);
  await restarted.signIn(phone);
  expect(restarted.client.auth.state).toBe("signedIn");
});

test("a device that no longer knows its student sends everything after the student has signed in again", async () => {
  const scene = await createScene();
  await damage(scene.app, "device", "current");

  const { restarted, problems } = await restart(scene.app);

  expect(restarted.client.auth.status).toEqual({ state: "signedOut", student: null });
  expect(problems).toEqual(["record-damaged"]);
  await expectAllSent(restarted, scene);
});

test("an unreadable keychain needs a new sign-in, but loses nothing that was written", async () => {
  const keychain = createKeychain();
  const scene = await createScene({ secureStorage: keychain });
  keychain.lock();

  const { restarted, problems } = await restart(scene.app);
  const { status } = restarted.client.auth;
  keychain.unlock();

  expect(status).toMatchObject({ state: "expired", student: { phone: scene.phone } });
  expect(problems).toEqual(["session-lost"]);
  await expectAllSent(restarted, scene);
});

test("a keychain that opens later resumes the session", async () => {
  const keychain = createKeychain();
  const scene = await createScene({ secureStorage: keychain });
  keychain.lock();
  const { restarted } = await restart(scene.app);

  keychain.unlock();
  restarted.setOnline(true);
  await until(() => restarted.client.auth.state === "signedIn");
  await restarted.client.sync.flush();

  expect(await scene.friend.texts(scene.roomId)).toEqual(["Written on the train"]);
});

test("an app starts although a store cannot be deleted, and deletes it at a later start", async () => {
  const keychain = createKeychain();
  const { app, phone } = await createScene({ secureStorage: keychain });
  const { restarted: leaving } = await restart(app);
  keychain.lock();
  await expect(leaving.client.auth.signOut({ pending: "discard" })).rejects.toMatchObject({
    reason: "fault",
  });

  const { restarted, problems } = await restart(leaving);
  expect(restarted.client.auth.state).toBe("signedOut");
  expect(problems).toEqual(["fault"]);
  const sessionKeys = () => keychain.names().filter((name) => name.startsWith("edvoyage.session."));
  expect(sessionKeys()).toHaveLength(1);
  keychain.unlock();
  const { restarted: last } = await restart(restarted);

  expect(sessionKeys()).toEqual([]);
  await last.signIn(phone);
  expect(last.client.sync.status.pending).toBe(0);
});
