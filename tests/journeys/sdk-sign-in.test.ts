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
import { createApp, type App } from "../support/app.ts";
import { temporaryFolder } from "../support/databases.ts";
import { somePhone } from "../support/phone.ts";
import { createSdkClock } from "../support/sdk-clock.ts";
import { until } from "../support/sync-client.ts";
import { urlOf } from "../support/url.ts";
import { createWorld, type World } from "../support/world.ts";

/** A code that is not the one of the last message. */
const wrongCode = ({ sms }: World): string => {
  const right = sms.at(-1)?.code ?? expect.fail("no message was sent");
  return `${right.startsWith("1") ? "2" : "1"}${right.slice(1)}`;
};

const rightCode = ({ sms }: World): string => sms.at(-1)?.code ?? expect.fail("no message was sent");

const reasonOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => expect.fail("was not refused"),
    (error: unknown) => (isEdVoyageError(error) ? error.reason : expect.fail("not an error of the SDK")),
  );

/** The student of a status. */
const studentOf = ({ client }: App) => client.auth.status.student?.phone ?? null;

test("nothing is touched before ready, and then nobody is signed in", async () => {
  const world = await createWorld();
  const touched: string[] = [];
  /** Says each thing that is asked of it, and what it is asked for. */
  const watched = <Part extends object>(name: string, part: Part): Part =>
    new Proxy(part, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key);
        const path = `${name}.${String(key)}`;
        if (typeof value !== "function") {
          touched.push(path);
          return value;
        }
        return (...input: unknown[]): unknown => {
          touched.push([path, ...input.filter((one) => typeof one === "string")].join(" "));
          return Reflect.apply(value, target, input);
        };
      },
    });
  const { peers, ...storage } = createMemoryStorage();
  const app = await createApp(world, {
    isReady: false,
    disk: watched("storage", { ...storage, peers: watched("peers", peers) }),
    secureStorage: watched("secrets", {
      get: async () => undefined,
      set: async () => {},
      delete: async () => {},
    }),
    network: watched("network", { isOnline: () => true, subscribe: () => () => {} }),
    appState: watched("appState", { isActive: () => true, subscribe: () => () => {} }),
    clock: watched("clock", createSdkClock()),
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
  expect(touched.filter((one) => /^(secrets|WebSocket|storage.open student)/.test(one))).toEqual([]);
  expect(app.requests).toEqual([]);
  expect(app.client.auth.status).toEqual({ state: "signedOut", student: null });
});

/** A storage that fails once, wherever a task is asked for. */
const failingOnce = (storage: StorageAdapter, fails: (name: string, key?: string) => boolean) => {
  let isDue = true;
  const check = (name: string, key?: string): void => {
    if (!isDue || !fails(name, key)) return;
    isDue = false;
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
])("ready() may be called again after it has failed, on %s", (_name, createStorage) => {
  test.each([
    ["a student's store could not be opened", (name: string, key?: string) => name !== "device" && !key],
    ["her document could not be read", (_name: string, key?: string) => key === "document/copy"],
    ["the device's records could not be read", (name: string, key?: string) => name + key === "devicedevice"],
    ["a sign-in could not be read", (name: string, key?: string) => name + key === "devicesign-in"],
  ])("because %s", async (_what, fails) => {
    const world = await createWorld();
    const disk = createStorage();
    const other = await world.device().signIn();
    const before = await createApp(world, { disk });
    await before.signIn();
    await before.client.close();
    const app = await createApp(world, { disk: failingOnce(disk, fails), isReady: false });

    expect(await reasonOf(app.client.ready())).toBe("device/failed");
    await app.client.ready();

    expect(app.client.auth.state).toBe("signedIn");
    await app.client.contacts.add(other.user.id);
    await app.client.sync.flush();
    expect(app.requests.filter((url) => url.includes("contacts.add"))).toHaveLength(1);
  });
});

test("a first sign-in goes by code, with each step to be seen", async () => {
  const world = await createWorld();
  const app = await createApp(world);
  const phone = somePhone();
  const seen: string[] = [];
  app.client.auth.onChange(({ state }) => seen.push(state));

  const asked = await app.client.auth.requestCode(phone);
  const { student } = await app.client.auth.verifyCode(rightCode(world));

  expect(asked).toEqual({
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
  expect(await reasonOf(app.client.auth.verifyCode(wrongCode(world)))).toBe("otp/incorrect");
  expect(await reasonOf(app.client.auth.verifyCode(wrongCode(world)))).toBe("otp/blocked");
  const until_ = app.clock.now() + 300_000;
  expect(app.client.auth.status).toEqual({ state: "blocked", student: null, phone, blockedUntil: until_ });

  app.clock.advance({ minutes: 2 });
  world.clock.advance({ minutes: 2 });
  const again = await app.restart();
  expect(again.client.auth.status).toEqual({ state: "blocked", student: null, phone, blockedUntil: until_ });
  expect(await reasonOf(again.client.auth.requestCode(phone))).toBe("otp/blocked");
  expect(again.client.auth.status).toMatchObject({ state: "blocked", blockedUntil: until_ });

  app.clock.advance({ minutes: 3 });
  world.clock.advance({ minutes: 3 });
  expect(again.client.auth.state).toBe("signedOut");
  await again.client.auth.requestCode(phone);
  expect((await again.client.auth.verifyCode(rightCode(world))).state).toBe("signedIn");
});

test("a clock that is put back makes no block longer, and one that is put forward is told by the server", async () => {
  const world = await createWorld();
  const app = await createApp(world);
  const phone = somePhone();
  await app.client.auth.requestCode(phone);
  for (let tries = 0; tries < 3; tries += 1) await reasonOf(app.client.auth.verifyCode(wrongCode(world)));

  app.clock.jump({ hours: -5 });
  const back = await app.restart();
  expect(back.client.auth.status).toMatchObject({ blockedUntil: back.clock.now() + 300_000 });

  back.clock.jump({ hours: 12 });
  const forward = await back.restart();
  expect(forward.client.auth.state).toBe("signedOut");
  expect(await reasonOf(forward.client.auth.requestCode(phone))).toBe("otp/blocked");
  expect(forward.client.auth.status).toMatchObject({ blockedUntil: forward.clock.now() + 300_000 });
});

test("a code that was sent is still waited for after a restart, and ends after its five minutes", async () => {
  const world = await createWorld();
  const app = await createApp(world);
  await app.client.auth.requestCode(somePhone());

  const again = await app.restart();
  expect(again.client.auth.state).toBe("codeSent");
  again.clock.advance({ minutes: 5 });

  expect(again.client.auth.state).toBe("signedOut");
  expect(await reasonOf(again.client.auth.verifyCode(rightCode(world)))).toBe("code/none");
});

test("a reply that was lost costs no second code", async () => {
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

  const again = await app.restart();
  isLost = false;
  await again.client.auth.verifyCode(rightCode(world));

  expect(again.client.auth.state).toBe("signedIn");
  expect(world.sms).toHaveLength(1);
});

test("an app that starts without a network knows who is signed in, and says so again with one", async () => {
  const world = await createWorld();
  const app = await createApp(world);
  const phone = await app.signIn();
  app.setOnline(false);

  const offline = await app.restart({ fetch: () => Promise.reject(new TypeError("fetch failed")) });
  expect(offline.client.auth.state).toBe("signedIn");
  expect(studentOf(offline)).toBe(phone);

  // Unused for longer than a session lives: it counts as over, until the server says otherwise.
  offline.clock.jump({ hours: 25 });
  const later = await offline.restart();
  expect(later.client.auth.status).toMatchObject({ state: "expired", reason: "session/expired" });
  const online = await later.restart({ fetch });
  await until(() => online.client.auth.state === "signedIn");
});

test("a session that the server has ended shows as expired, and its student signs in again where she was", async () => {
  const world = await createWorld();
  const app = await createApp(world);
  const phone = await app.signIn();
  world.clock.advance({ hours: 25 });

  expect(await reasonOf(app.client.profile.get({ refresh: true }))).toBe("session/expired");
  expect(app.client.auth.status).toMatchObject({ state: "expired", reason: "session/expired" });
  expect(studentOf(app)).toBe(phone);

  await app.client.auth.requestCode(phone);
  expect(app.client.auth.status).toMatchObject({ state: "codeSent", student: { phone } });
  await app.client.auth.cancel();
  expect(app.client.auth.state).toBe("expired");
  await app.signIn(phone);
  expect(app.client.auth.state).toBe("signedIn");
  expect((await app.client.profile.get({ refresh: true })).source).toBe("server");
});

test("an answer to a key that was replaced meanwhile says nothing of the new one", async () => {
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

test("signing out works without a network, and the server is told once there is one", async () => {
  const world = await createWorld();
  const app = await createApp(world);
  const phone = await app.signIn();
  app.setOnline(false);

  await app.client.auth.signOut();
  expect(app.client.auth.status).toEqual({ state: "signedOut", student: null });
  const { items: before } = await world.admin.admin.sessions.list.query({ phone });
  expect(before).toMatchObject([{ state: "live" }]);

  const again = await app.restart({ fetch });
  await until(async () => {
    const { items } = await world.admin.admin.sessions.list.query({ phone });
    return items.every(({ state }) => state !== "live");
  });
  expect(again.client.auth.state).toBe("signedOut");
  expect(await app.storage.list()).toEqual(["device"]);
});

test("another student on the same phone finds nothing of the first, whose unsent commands wait for her", async () => {
  const world = await createWorld();
  const other = await world.device().signIn();
  const app = await createApp(world);
  const first = await app.signIn();
  const firstId = app.client.auth.status.student?.id ?? expect.fail();
  app.setOnline(false);
  await app.client.contacts.add(other.user.id, { nickname: "A secret name" });
  app.setOnline(true);

  const blind = await app.restart({ fetch: blockingContacts });
  const second = await blind.signIn();
  expect(studentOf(blind)).toBe(second);
  expect(blind.client.outbox.list()).toEqual([]);
  expect((await blind.client.contacts.list()).items).toEqual([]);
  const left = await app.storage.open(`student-${firstId}`);
  expect((await left.keys("")).filter((key) => !key.startsWith("outbox/"))).toEqual([]);
  await left.close();

  const returned = await blind.restart({ fetch });
  await returned.signIn(first);
  await until(() => returned.client.outbox.list().length === 0);
  expect(returned.client.auth.status.student?.id).toBe(firstId);
  const { items } = await returned.client.contacts.list({ refresh: true });
  expect(items).toMatchObject([{ id: other.user.id, nickname: "A secret name", isPending: false }]);
});

/** A network that carries no new contact. */
const blockingContacts: typeof fetch = async (input, init) => {
  if (urlOf(input).includes("contacts.add")) throw new TypeError("fetch failed");
  return fetch(input, init);
};
