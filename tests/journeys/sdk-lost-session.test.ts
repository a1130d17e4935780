import type { Problem } from "@edvoyage/client-sdk";
import { expect, test } from "vitest";
import { createApp, type App } from "../support/app.ts";
import { createKeychain } from "../support/keychain.ts";
import { createStudent } from "../support/student.ts";
import { until } from "../support/sync-client.ts";
import { createWorld, type World } from "../support/world.ts";

/** A student who has written something without a network, and whose app was closed then. */
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
  (await storage.list()).find((name) => name.startsWith("student-")) ?? expect.fail("there is none");

/** Changes a byte of a record, as a worn disk does. */
const damage = async (app: App, name: string, key: string): Promise<void> => {
  const store = await app.storage.open(name);
  const value = (await store.get(key)) ?? expect.fail(`there is no ${key}`);
  await store.write([{ key, value: value.map((byte, at) => (at === 6 ? byte ^ 1 : byte)) }]);
  await store.close();
};

const restart = async (app: App, options: Parameters<App["restart"]>[0] = {}) => {
  const problems: Problem["kind"][] = [];
  const again = await app.restart({ onProblem: ({ kind }) => problems.push(kind), ...options });
  return { again, problems };
};

/** Signs in, and sees what waited arrive. */
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
  "a damaged %s costs a sign-in, at any later start too, and nothing that was written",
  async (key) => {
    const scene = await createScene();
    await damage(scene.app, await storeOf(scene.app), key);

    const first = await restart(scene.app);
    const { status } = first.again.client.auth;
    const { again, problems } = await restart(first.again);

    expect(status).toMatchObject({
      state: "expired",
      student: { phone: scene.phone },
      reason: "session/required",
    });
    expect(first.problems).toEqual(
      key === "session" ? ["record-damaged", "session-lost"] : ["record-damaged"],
    );
    expect(problems).toEqual([]);
    expect(again.client.auth.status).toMatchObject({ state: "expired", student: { phone: scene.phone } });
    expect(again.client.sync.status.pending).toBe(2);
    await expectAllSent(again, scene);
  },
);

test("a store that is lost whole costs a sign-in, and is told of", async () => {
  const world = await createWorld();
  const app = await createApp(world);
  const phone = await app.signIn();
  await app.client.close();
  await app.storage.delete(await storeOf(app));

  const { again, problems } = await restart(app);

  expect(again.client.auth.status).toMatchObject({ state: "expired", student: { phone } });
  expect(problems).toEqual(["session-lost"]);
  await again.signIn(phone);
  expect(again.client.auth.state).toBe("signedIn");
});

test("when it is not known any more who was here, she signs in again and all of hers is sent", async () => {
  const scene = await createScene();
  await damage(scene.app, "device", "current");

  const { again, problems } = await restart(scene.app);

  expect(again.client.auth.status).toEqual({ state: "signedOut", student: null });
  expect(problems).toEqual(["record-damaged"]);
  await expectAllSent(again, scene);
});

test("a keychain that cannot be read costs a sign-in, and nothing that was written", async () => {
  const keychain = createKeychain();
  const scene = await createScene({ secureStorage: keychain });
  keychain.lock();

  const { again, problems } = await restart(scene.app);
  const { status } = again.client.auth;
  keychain.unlock();

  expect(status).toMatchObject({ state: "expired", student: { phone: scene.phone } });
  expect(problems).toEqual(["session-lost"]);
  await expectAllSent(again, scene);
});

test("a keychain that opens later opens the session again", async () => {
  const keychain = createKeychain();
  const scene = await createScene({ secureStorage: keychain });
  keychain.lock();
  const { again } = await restart(scene.app);

  keychain.unlock();
  again.setOnline(true);
  await until(() => again.client.auth.state === "signedIn");
  await again.client.sync.flush();

  expect(await scene.friend.texts(scene.roomId)).toEqual(["Written on the train"]);
});

test("what cannot be deleted now keeps no app from starting, and goes at a later start", async () => {
  const keychain = createKeychain();
  const { app, phone } = await createScene({ secureStorage: keychain });
  const { again: leaving } = await restart(app);
  keychain.lock();
  await expect(leaving.client.auth.signOut({ pending: "discard" })).rejects.toMatchObject({
    reason: "fault",
  });

  const { again, problems } = await restart(leaving);
  expect(again.client.auth.state).toBe("signedOut");
  expect(problems).toEqual(["fault"]);
  expect(keychain.names()).toHaveLength(1);
  keychain.unlock();
  const { again: last } = await restart(again);

  expect(keychain.names()).toEqual([]);
  await last.signIn(phone);
  expect(last.client.sync.status.pending).toBe(0);
});
