import { createMemoryStorage, type MemoryStorage, type StorageAdapter } from "@edvoyage/client-sdk";
import { expect, test } from "vitest";
import { createApp, type AppOptions } from "../../support/apps/app.ts";
import { somePhone } from "../../support/students/phone.ts";
import { createStudent } from "../../support/students/student.ts";
import { until } from "../../support/network/sync-client.ts";
import { urlOf } from "../../support/network/url.ts";
import { createWorld } from "../../support/servers/world.ts";

/** A disk that runs a task just before the next session key is written. */
const createDisk = (memory: MemoryStorage = createMemoryStorage()) => {
  let before: (() => Promise<unknown>) | undefined;
  const disk: StorageAdapter = {
    ...memory,
    open: async (name) => {
      const store = await memory.open(name);
      return {
        ...store,
        write: async (changes) => {
          const task = before;
          if (task && changes.some(({ key, value }) => key === "session-key" && value)) {
            before = undefined;
            await task();
          }
          return store.write(changes);
        },
      };
    },
  };
  return {
    memory,
    disk,
    beforeNextKey: (task: () => Promise<unknown>) => {
      before = task;
    },
  };
};

const createScene = async (options: AppOptions = {}) => {
  const world = await createWorld();
  const { memory, disk, beforeNextKey } = createDisk();
  const app = await createApp(world, { storage: memory, disk, ...options });
  const phone = await app.signIn();
  world.clock.advance({ minutes: 1 });
  return { world, memory, app, phone, beforeNextKey };
};

const reasonOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "done",
    ({ reason }: { readonly reason: string }) => reason,
  );

test("a call during the storing of a new session does not end it, neither in memory nor on the disk", async () => {
  const { app, phone, beforeNextKey } = await createScene();
  await until(() => app.client.sync.status.connection === "online");
  const states: string[] = [];
  app.client.auth.onChange(({ state }) => states.push(state));
  beforeNextKey(() => reasonOf(app.client.sessions.list({}, { refresh: true })));

  await app.signIn(phone);
  await app.client.sync.flush();
  expect(states).toEqual(["codeSent", "signedIn"]);
  const restarted = await app.restart();

  expect(restarted.client.auth.state).toBe("signedIn");
  expect((await restarted.client.sessions.list({}, { refresh: true })).source).toBe("server");
});

test("a session that an admin has ended deletes nothing of the student's next session", async () => {
  let isCut = true;
  const { world, memory, app, phone, beforeNextKey } = await createScene({
    wipeWhenRevoked: true,
    fetch: async (input, init) => {
      if (isCut && urlOf(input).includes("chat.send")) throw new TypeError("fetch failed");
      return fetch(input, init);
    },
    // Without sockets: a socket would report the end before the student signs in again.
    WebSocket: class {
      readonly readyState = 0;
      send(): void {}
      close(): void {}
    },
  });
  const friend = await createStudent(world);
  const { id: roomId } = await app.client.chat.createRoom({ kind: "direct", userId: friend.id });
  await app.client.chat.room(roomId).send("Not sent yet");
  const [session] = (await world.admin.admin.sessions.list.query({ phone })).items;
  await app.client.auth.requestCode(phone);
  await world.admin.admin.sessions.revoke.mutate({ sessionId: session?.id ?? "", reason: "lost phone" });
  const reasons: unknown[] = [];
  beforeNextKey(async () => {
    reasons.push(await reasonOf(app.client.sessions.list({}, { refresh: true })));
  });

  await app.client.auth.verifyCode(world.sms.findLast(({ to }) => to === phone)?.code ?? "");
  isCut = false;
  await app.client.sync.flush();

  expect(reasons).toHaveLength(1);
  expect(app.client.auth.state).toBe("signedIn");
  expect(await memory.list()).toHaveLength(2);
  expect(await friend.texts(roomId)).toEqual(["Not sent yet"]);
});

test("a session that an admin has ended deletes nothing of another student who signs in at that moment", async () => {
  const { world, memory, app, phone, beforeNextKey } = await createScene({ wipeWhenRevoked: true });
  const second = somePhone();
  await app.client.auth.requestCode(second);
  const [session] = (await world.admin.admin.sessions.list.query({ phone })).items;
  beforeNextKey(async () => {
    await world.admin.admin.sessions.revoke.mutate({ sessionId: session?.id ?? "", reason: "lost phone" });
    await reasonOf(app.client.sessions.list({}, { refresh: true }));
  });

  await app.client.auth.verifyCode(world.sms.findLast(({ to }) => to === second)?.code ?? "");
  await app.client.settings.set("theme", "dark");
  await app.client.sync.flush();

  expect(app.client.auth.status).toMatchObject({ state: "signedIn", student: { phone: second } });
  expect(app.client.settings.get("theme")).toBe("dark");
  expect(await memory.list()).toHaveLength(2);
});
