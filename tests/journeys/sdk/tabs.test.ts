import { createMemoryStorage, type MemoryStorage } from "@edvoyage/client-sdk";
import { expect, test } from "vitest";
import { createApp } from "../../support/apps/app.ts";
import { somePhone } from "../../support/students/phone.ts";
import { roundTrips } from "../../support/network/round-trips.ts";
import { createStudent } from "../../support/students/student.ts";
import { until } from "../../support/network/sync-client.ts";
import { urlOf } from "../../support/network/url.ts";
import { createWorld } from "../../support/servers/world.ts";

/** Two tabs of one browser. */
const createTabs = async (options: Parameters<typeof createApp>[1] = {}) => {
  const world = await createWorld();
  const storage = createMemoryStorage();
  const one = await createApp(world, { storage });
  const other = await createApp(world, { ...options, storage: storage.connect() });
  return { world, one, other };
};

test("a sign-in that begins in one tab can continue in the other", async () => {
  const { world, one, other } = await createTabs();
  const phone = somePhone();

  await one.client.auth.requestCode(phone);
  await until(() => other.client.auth.state === "codeSent");
  await other.client.auth.verifyCode(world.sms.at(-1)?.code ?? "");
  await until(() => one.client.auth.state === "signedIn");

  expect(one.client.auth.status).toEqual(other.client.auth.status);
  const { items } = await one.client.sessions.list();
  expect(items).toMatchObject([{ isCurrent: true }]);
});

test("a command of one tab is sent once, by either tab, and both see its result", async () => {
  const { world, one, other } = await createTabs();
  const friend = await world.device().signIn();
  await one.signIn();
  await until(() => other.client.auth.state === "signedIn");
  one.setOnline(false);
  other.setOnline(false);

  await other.client.contacts.add(friend.user.id, { nickname: "From the second" });
  await until(() => one.client.outbox.list().length === 1);
  one.setOnline(true);
  other.setOnline(true);
  await until(() => other.client.outbox.list().length === 0);

  const sent = [...one.requests, ...other.requests].filter((url) => url.includes("contacts.add"));
  expect(sent).toHaveLength(1);
});

test("a tab follows the student whom another tab signs in, and keeps nothing of the previous one", async () => {
  let release = (): void => {};
  const isHeld = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { world, one, other } = await createTabs({
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      if (urlOf(input).includes("contacts.list")) await isHeld;
      return response;
    },
  });
  const friend = await world.device().signIn();
  const first = await one.signIn();
  await one.client.contacts.add(friend.user.id, { nickname: "Of the first" });
  await one.client.sync.flush();
  await until(() => other.client.auth.status.student?.phone === first);

  const late = other.client.contacts.list().catch((error: unknown) => error);
  const shown: { readonly by: string | undefined; readonly nickname: string | null | undefined }[] = [];
  other.client.contacts.watch(({ value }) => {
    shown.push({ by: other.client.auth.status.student?.phone, nickname: value?.items[0]?.nickname });
  });
  const second = await one.signIn();
  await until(() => other.client.auth.status.student?.phone === second);
  release();
  await late;

  expect((await other.client.contacts.list({ refresh: true })).items).toEqual([]);
  const shownToSecond = shown.filter(({ by }) => by === second).map(({ nickname }) => nickname);
  expect(shownToSecond.length).toBeGreaterThan(0);
  expect(shownToSecond).not.toContain("Of the first");
});

test("a sign-out in one tab signs the other out", async () => {
  const { one, other } = await createTabs();
  await one.signIn();
  await until(() => other.client.auth.state === "signedIn");

  await one.client.auth.signOut();
  await until(() => other.client.auth.state === "signedOut");

  await expect(other.client.contacts.list()).rejects.toMatchObject({ reason: "signed-out" });
  expect(await one.storage.list()).toEqual(["device"]);
});

test("a student who signs in again in one tab is signed in again in the other", async () => {
  const { world, one, other } = await createTabs();
  const phone = await one.signIn();
  await until(() => other.client.auth.state === "signedIn");
  world.clock.advance({ hours: 25 });
  await other.client.profile.get({ refresh: true }).catch(() => {});
  expect(other.client.auth.state).toBe("expired");

  await one.signIn(phone);
  await until(() => other.client.auth.state === "signedIn");

  expect((await other.client.profile.get({ refresh: true })).source).toBe("server");
});

/** Two tabs of a student. One shows a message that it has not stored yet, and can be made slow to hear of the other. */
const createReader = async () => {
  const heldPeers = holdPeerMessages(createMemoryStorage());
  const world = await createWorld();
  const one = await createApp(world, { storage: heldPeers.storage.connect() });
  const other = await createApp(world, { disk: heldPeers.storage });
  const friend = await createStudent(world);
  // The tab that signs in has the sockets.
  await other.signIn();
  await until(() => one.client.auth.state === "signedIn");
  const { id: roomId } = await one.client.chat.createRoom({ kind: "direct", userId: friend.id });
  other.client.chat.room(roomId).watch(() => {});
  await friend.send(roomId, "An answer to read");
  await until(() => other.client.chat.room(roomId).messages.length === 1);
  return { one, other, roomId, ...heldPeers };
};

/** A storage that can hold back the messages of other tabs. */
const holdPeerMessages = (storage: MemoryStorage) => {
  const held: (() => void)[] = [];
  let isHeld = false;
  const subscribe: MemoryStorage["peers"]["subscribe"] = (listener) =>
    storage.peers.subscribe((topic) => (isHeld ? held.push(() => listener(topic)) : listener(topic)));
  return {
    storage: { ...storage, peers: { ...storage.peers, subscribe } },
    hold: () => {
      isHeld = true;
    },
    release: () => {
      isHeld = false;
      for (const tell of held.splice(0)) tell();
    },
  };
};

test("a tab deletes what it stored for a student who has signed out in another tab when it hears of that", async () => {
  const { one, other, roomId, hold, release } = await createReader();
  one.setOnline(false);
  other.setOnline(false);
  await one.client.chat.room(roomId).send("Not sent yet");
  hold();
  await one.client.auth.signOut();
  other.clock.advance({ seconds: 1 });
  await until(() => storageContains(one.storage, "An answer to read"));

  release();
  await until(() => other.client.auth.state === "signedOut");
  await other.client.close();

  expect(await storageContains(one.storage, "An answer to read")).toBe(false);
  expect(await storageContains(one.storage, "Not sent yet")).toBe(true);
});

test("a store that another tab has deleted is not reported as a problem", async () => {
  const { one, other, hold, release } = await createReader();
  hold();
  await one.client.auth.signOut();
  other.clock.advance({ seconds: 1 });

  release();
  await until(() => other.client.auth.state === "signedOut");
  await other.client.close();

  // `createApp` fails the test for any reported problem.
  expect(await one.storage.list()).toEqual(["device"]);
});

test("a tab that is slow to hear of a sign-out does not delete the data of the student who has signed in again", async () => {
  const gate = createGate();
  const memory = createMemoryStorage();
  const slow = memory.connect();
  const world = await createWorld();
  const one = await createApp(world, { storage: memory });
  const other = await createApp(world, {
    disk: {
      ...slow,
      open: async (name) => {
        const store = await slow.open(name);
        return { ...store, close: () => gate.pass(() => store.close()) };
      },
    },
  });
  const phone = await one.signIn();
  await until(() => other.client.auth.state === "signedIn");
  gate.shut();
  await one.client.auth.signOut();
  await gate.isReached;

  const signingIn = one.signIn(phone);
  await until(() => one.requests.filter((url) => url.includes("verifyCode")).length === 2);
  await roundTrips(20);
  gate.open();
  await signingIn;
  await until(() => other.client.auth.state === "signedIn");
  await one.client.settings.set("theme", "dark");
  await one.client.sync.flush();
  const restarted = await one.restart();

  expect(restarted.client.auth.state).toBe("signedIn");
  expect(restarted.client.settings.get("theme")).toBe("dark");
});

/** A gate that makes tasks wait while it is shut. */
const createGate = () => {
  let open = (): void => {};
  let reach = (): void => {};
  let isOpen: Promise<void> = Promise.resolve();
  let isShut = false;
  const isReached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  return {
    isReached,
    shut: () => {
      isShut = true;
      isOpen = new Promise<void>((resolve) => {
        open = resolve;
      });
    },
    open: () => open(),
    pass: async <T>(task: () => Promise<T>): Promise<T> => {
      if (isShut) reach();
      await isOpen;
      return task();
    },
  };
};

/** Returns whether any record of any store contains this text. */
const storageContains = async (storage: MemoryStorage, text: string): Promise<boolean> => {
  const wantedBytes = Buffer.from(text);
  for (const name of await storage.list()) {
    const store = await storage.open(name);
    for (const { value } of await store.list("")) if (Buffer.from(value).includes(wantedBytes)) return true;
    await store.close();
  }
  return false;
};
