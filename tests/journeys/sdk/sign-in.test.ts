import {
  createMemoryStorage,
  isEdVoyageError,
  StorageError,
  type StorageAdapter,
} from "@edvoyage/client-sdk";
import { createSqliteStorage } from "@edvoyage/client-sdk/node";
import { systemRandomBytes } from "@edvoyage/client-sdk/testing";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { createApp, type App } from "../../support/apps/app.ts";
import { temporaryFolder } from "../../support/databases/databases.ts";
import { somePhone } from "../../support/students/phone.ts";
import { createSdkClock } from "../../support/fakes/sdk-clock.ts";
import { until } from "../../support/network/sync-client.ts";
import { urlOf } from "../../support/network/url.ts";
import { wrongCode } from "../../support/students/wrong-code.ts";
import { createWorld, type World } from "../../support/servers/world.ts";

const rightCode = ({ sms }: World): string => sms.at(-1)?.code ?? expect.fail("no message was sent");

const reasonOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => expect.fail("was not refused"),
    (error: unknown) => (isEdVoyageError(error) ? error.reason : expect.fail("not an error of the SDK")),
  );

/** Returns the phone number of the student in the client's status. */
const phoneInStatus = ({ client }: App) => client.auth.status.student?.phone ?? null;

test("a client touches nothing before ready(), and starts with nobody signed in", async () => {
  const world = await createWorld();
  const touched: string[] = [];
  /** Records each access to a part and the text arguments of each call. */
  const recorded = <Part extends object>(name: string, part: Part): Part =>
    new Proxy(part, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key);
        const path = `${name}.${String(key)}`;
        if (typeof value !== "function") {
          touched.push(path);
          return value;
        }
        return (...input: unknown[]): unknown => {
          touched.push([path, ...input.filter((argument) => typeof argument === "string")].join(" "));
          return Reflect.apply(value, target, input);
        };
      },
    });
  const { peers, ...storage } = createMemoryStorage();
  const app = await createApp(world, {
    isReady: false,
    disk: recorded("storage", { ...storage, peers: recorded("peers", peers) }),
    secureStorage: recorded("secrets", {
      get: async () => undefined,
      set: async () => {},
      delete: async () => {},
    }),
    network: recorded("network", { isOnline: () => true, subscribe: () => () => {} }),
    appState: recorded("appState", { isActive: () => true, subscribe: () => () => {} }),
    clock: recorded("clock", createSdkClock()),
    randomBytes: (count) => {
      touched.push("randomBytes");
      return systemRandomBytes(count);
    },
    WebSocket: class extends WebSocket {
      constructor(address: string, protocols?: string[]) {
        super(address, protocols);
        touched.push("WebSocket");
      }
    },
  });
  expect(app.client.isReady).toBe(false);
  expect(app.client.auth.status).toEqual({ state: "signedOut", student: null });
  expect(app.client.chat.rooms()).toEqual([]);
  expect(app.client.favourites.list()).toEqual([]);
  expect(app.client.sync.status).toMatchObject({ connection: "offline", pending: 0 });
  expect(touched).toEqual([]);
  expect(app.requests).toEqual([]);

  await app.client.ready();

  expect(touched).toContain("storage.open device");
  expect(touched.filter((access) => /^(secrets|WebSocket|storage.open student)/.test(access))).toEqual([]);
  expect(app.requests).toEqual([]);
  expect(app.client.auth.status).toEqual({ state: "signedOut", student: null });
});

/** A storage that fails once, at the first access for which `fails` returns true. */
const failOnce = (storage: StorageAdapter, fails: (name: string, key?: string) => boolean) => {
  let hasFailed = false;
  const check = (name: string, key?: string): void => {
    if (hasFailed || !fails(name, key)) return;
    hasFailed = true;
    throw new StorageError("failed", "Failed for a moment");
  };
  return {
    ...storage,
    open: async (name: string) => {
      check(name);
      const store = await storage.open(name);
      const get: typeof store.get = async (key) => {
        check(name, key);
        return store.get(key);
      };
      return { ...store, get };
    },
  };
};

describe.each([
  ["memory that other tabs share", () => createMemoryStorage()],
  ["SQLite", () => createSqliteStorage({ folder: temporaryFolder() })],
])("ready() on %s", (_name, createStorage) => {
  test.each([
    ["a student's store could not be opened", (name: string, key?: string) => name !== "device" && !key],
    ["the student's document could not be read", (_name: string, key?: string) => key === "document/copy"],
    ["the device's records could not be read", (name: string, key?: string) => name + key === "devicedevice"],
    ["a sign-in could not be read", (name: string, key?: string) => name + key === "devicesign-in"],
  ])("can be called again after it has failed because %s", async (_what, fails) => {
    const world = await createWorld();
    const disk = createStorage();
    const other = await world.device().signIn();
    const before = await createApp(world, { disk });
    await before.signIn();
    await before.client.close();
    const app = await createApp(world, { disk: failOnce(disk, fails), isReady: false });

    expect(await reasonOf(app.client.ready())).toBe("device/failed");
    await app.client.ready();

    expect(app.client.auth.state).toBe("signedIn");
    await app.client.contacts.add(other.user.id);
    await app.client.sync.flush();
    expect(app.requests.filter((url) => url.includes("contacts.add"))).toHaveLength(1);
  });
});

test("a first sign-in by code reports each step", async () => {
  const world = await createWorld();
  const app = await createApp(world);
  const phone = somePhone();
  const seen: string[] = [];
  app.client.auth.onChange(({ state }) => seen.push(state));

  const status = await app.client.auth.requestCode(phone);
  const { student } = await app.client.auth.verifyCode(rightCode(world));

  expect(status).toEqual({
    state: "codeSent",
    student: null,
    phone,
    codeLength: 6,
    attemptsRemaining: 3,
    expiresAt: app.clock.now() + 300_000,
    resendAt: app.clock.now() + 30_000,
  });
  expect(student?.phone).toBe(phone);
  expect(seen).toEqual(["codeSent", "signedIn"]);
  expect((await app.client.sessions.list()).items).toHaveLength(1);
});

test("three wrong codes block for five minutes, and the countdown survives a restart", async () => {
  const world = await createWorld();
  const app = await createApp(world);
  const phone = somePhone();
  await app.client.auth.requestCode(phone);

  expect(await reasonOf(app.client.auth.verifyCode(wrongCode(world)))).toBe("otp/incorrect");
  expect(app.client.auth.status).toMatchObject({ state: "codeSent", attemptsRemaining: 2 });
  expect(await reasonOf(app.client.auth.verifyCode(wrongCode(world, 2)))).toBe("otp/incorrect");
  expect(await reasonOf(app.client.auth.verifyCode(wrongCode(world, 3)))).toBe("otp/blocked");
  const blockedUntil = app.clock.now() + 300_000;
  expect(app.client.auth.status).toEqual({
    state: "blocked",
    student: null,
    phone,
    blockedUntil,
  });

  app.clock.advance({ minutes: 2 });
  world.clock.advance({ minutes: 2 });
  const restarted = await app.restart();
  expect(restarted.client.auth.status).toEqual({
    state: "blocked",
    student: null,
    phone,
    blockedUntil,
  });
  expect(await reasonOf(restarted.client.auth.requestCode(phone))).toBe("otp/blocked");
  expect(restarted.client.auth.status).toMatchObject({ state: "blocked", blockedUntil });

  app.clock.advance({ minutes: 3 });
  world.clock.advance({ minutes: 3 });
  expect(restarted.client.auth.state).toBe("signedOut");
  await restarted.client.auth.requestCode(phone);
  expect((await restarted.client.auth.verifyCode(rightCode(world))).state).toBe("signedIn");
});

test("a clock that is set back makes no block longer, and the server corrects one that is set forward", async () => {
  const world = await createWorld();
  const app = await createApp(world);
  const phone = somePhone();
  await app.client.auth.requestCode(phone);
  for (const number of [1, 2, 3]) await reasonOf(app.client.auth.verifyCode(wrongCode(world, number)));

  app.clock.jump({ hours: -5 });
  const back = await app.restart();
  expect(back.client.auth.status).toMatchObject({ blockedUntil: back.clock.now() + 300_000 });

  back.clock.jump({ hours: 12 });
  const forward = await back.restart();
  expect(forward.client.auth.state).toBe("signedOut");
  expect(await reasonOf(forward.client.auth.requestCode(phone))).toBe("otp/blocked");
  expect(forward.client.auth.status).toMatchObject({ blockedUntil: forward.clock.now() + 300_000 });
});

test("a sent code is still awaited after a restart, and expires after five minutes", async () => {
  const world = await createWorld();
  const app = await createApp(world);
  await app.client.auth.requestCode(somePhone());

  const restarted = await app.restart();
  expect(restarted.client.auth.state).toBe("codeSent");
  restarted.clock.advance({ minutes: 5 });

  expect(restarted.client.auth.state).toBe("signedOut");
  expect(await reasonOf(restarted.client.auth.verifyCode(rightCode(world)))).toBe("code/none");
});

test("a lost reply costs no second code", async () => {
  const world = await createWorld();
  let isLost = true;
  const app = await createApp(world, {
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      if (urlOf(input).includes("verifyCode") && isLost) throw new TypeError("connection reset");
      return response;
    },
  });
  const phone = somePhone();
  await app.client.auth.requestCode(phone);
  expect(await reasonOf(app.client.auth.verifyCode(rightCode(world)))).toBe("offline");

  const restarted = await app.restart();
  isLost = false;
  await restarted.client.auth.verifyCode(rightCode(world));

  expect(restarted.client.auth.state).toBe("signedIn");
  expect(world.sms).toHaveLength(1);
});

test("an app that starts offline knows its student, and confirms the session once it is online", async () => {
  const world = await createWorld();
  const app = await createApp(world);
  const phone = await app.signIn();
  app.setOnline(false);

  const offline = await app.restart({ fetch: () => Promise.reject(new TypeError("fetch failed")) });
  expect(offline.client.auth.state).toBe("signedIn");
  expect(phoneInStatus(offline)).toBe(phone);

  // The session was unused for longer than it lives, so it counts as ended until the server says otherwise.
  offline.clock.jump({ hours: 25 });
  const later = await offline.restart();
  expect(later.client.auth.status).toMatchObject({ state: "expired", reason: "session/expired" });
  const online = await later.restart({ fetch });
  await until(() => online.client.auth.state === "signedIn");
});

test("a session that the server has ended shows as expired, and its student can sign in again in place", async () => {
  const world = await createWorld();
  const app = await createApp(world);
  const phone = await app.signIn();
  world.clock.advance({ hours: 25 });

  expect(await reasonOf(app.client.profile.get({ refresh: true }))).toBe("session/expired");
  expect(app.client.auth.status).toMatchObject({ state: "expired", reason: "session/expired" });
  expect(phoneInStatus(app)).toBe(phone);

  await app.client.auth.requestCode(phone);
  expect(app.client.auth.status).toMatchObject({ state: "codeSent", student: { phone } });
  await app.client.auth.cancel();
  expect(app.client.auth.state).toBe("expired");
  await app.signIn(phone);
  expect(app.client.auth.state).toBe("signedIn");
  expect((await app.client.profile.get({ refresh: true })).source).toBe("server");
});

test("an answer to a replaced session key does not affect the new session", async () => {
  const world = await createWorld();
  let release = (): void => {};
  const isHeld = new Promise<void>((resolve) => {
    release = resolve;
  });
  const app = await createApp(world, {
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      if (urlOf(input).includes("profile.get")) await isHeld;
      return response;
    },
  });
  const phone = await app.signIn();
  world.clock.advance({ hours: 25 });
  const late = reasonOf(app.client.profile.get({ refresh: true }));
  await app.signIn(phone);

  release();

  expect(await late).toBe("session/expired");
  expect(app.client.auth.state).toBe("signedIn");
});

test("a sign-out works offline, and reaches the server once the device is online", async () => {
  const world = await createWorld();
  const app = await createApp(world);
  const phone = await app.signIn();
  app.setOnline(false);

  await app.client.auth.signOut();
  expect(app.client.auth.status).toEqual({ state: "signedOut", student: null });
  const { items: before } = await world.admin.admin.sessions.list.query({ phone });
  expect(before).toMatchObject([{ state: "live" }]);

  const restarted = await app.restart({ fetch });
  await until(async () => {
    const { items } = await world.admin.admin.sessions.list.query({ phone });
    return items.every(({ state }) => state !== "live");
  });
  expect(restarted.client.auth.state).toBe("signedOut");
  expect(await app.storage.list()).toEqual(["device"]);
});

test("another student on the same phone finds nothing of the first, whose unsent commands wait for their author", async () => {
  const world = await createWorld();
  const other = await world.device().signIn();
  const app = await createApp(world);
  const first = await app.signIn();
  const firstId = app.client.auth.status.student?.id ?? expect.fail();
  app.setOnline(false);
  await app.client.contacts.add(other.user.id, { nickname: "A secret name" });
  app.setOnline(true);

  const withoutContacts = await app.restart({ fetch: blockingContacts });
  const second = await withoutContacts.signIn();
  expect(phoneInStatus(withoutContacts)).toBe(second);
  expect(withoutContacts.client.outbox.list()).toEqual([]);
  expect((await withoutContacts.client.contacts.list()).items).toEqual([]);
  const firstStore = await app.storage.open(`student-${firstId}`);
  expect((await firstStore.keys("")).filter((key) => !key.startsWith("outbox/"))).toEqual([]);
  await firstStore.close();

  const returned = await withoutContacts.restart({ fetch });
  await returned.signIn(first);
  await until(() => returned.client.outbox.list().length === 0);
  expect(returned.client.auth.status.student?.id).toBe(firstId);
  const { items } = await returned.client.contacts.list({ refresh: true });
  expect(items).toMatchObject([{ id: other.user.id, nickname: "A secret name", isPending: false }]);
});

/** A network that fails every new contact. */
const blockingContacts: typeof fetch = async (input, init) => {
  if (urlOf(input).includes("contacts.add")) throw new TypeError("fetch failed");
  return fetch(input, init);
};
