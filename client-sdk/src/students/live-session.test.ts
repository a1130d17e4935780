import { SESSION_IDLE_MS, type SessionId, type UserId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { EdVoyageError } from "../runtime/errors.ts";
import type { Problem } from "../runtime/problem.ts";
import { createMemoryStorage } from "../storage/memory.ts";
import { createRecords } from "../storage/records.ts";
import { openLiveSession, type FreshSession } from "./live-session.ts";
import { createSessionStore, type StoredSession } from "./session-store.ts";

const student = { id: "01990000-0000-7000-8000-000000000001" as UserId, phone: "+447400123456" };
const START = 1_000_000;
const TEN_MINUTES = 600_000;

const freshOf = (id: string): FreshSession => ({
  session: { id: id as SessionId, student, signedInAt: START, expiresAt: START + SESSION_IDLE_MS },
  token: `key of ${id}`,
});

/** Runs all pending tasks of the memory and of the keychain. */
const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 50; turns += 1) await Promise.resolve();
};

const createScene = async () => {
  const storage = createMemoryStorage();
  const records = createRecords(await storage.open("student"), { onDamaged: () => {} });
  const secrets = new Map<string, string>();
  const time = { now: START };
  const keychain = { isLocked: false, isFull: false, reads: 0, readable: Promise.resolve() };
  const reports: Problem[] = [];
  const keys: (string | undefined)[] = [];
  const sessions = createSessionStore({
    userId: student.id,
    records,
    peers: undefined,
    secureStorage: {
      get: async (name) => {
        keychain.reads += 1;
        if (keychain.isLocked) throw new Error("locked");
        const secret = secrets.get(name);
        await keychain.readable;
        return secret;
      },
      set: async (name, value) => {
        if (keychain.isFull) throw new Error("full");
        secrets.set(name, value);
      },
      delete: async (name) => {
        if (keychain.isFull) throw new Error("full");
        secrets.delete(name);
      },
    },
  });
  const open = async (fresh?: FreshSession) => {
    const live = await openLiveSession({
      student,
      sessions,
      clock: { now: () => time.now, after: () => () => {} },
      report: (problem) => void reports.push(problem),
      fresh,
      onKey: () => void keys.push(live.token()),
    });
    return live;
  };
  return { open, sessions, time, keychain, reports, keys, secrets };
};

const expired = new EdVoyageError("session/expired", "Over.");
const offline = new EdVoyageError("offline", "No.");

test("a fresh session is stored with its key, and counts as confirmed", async () => {
  const { open, sessions, keys, keychain } = await createScene();

  const live = await open(freshOf("a"));

  live.wake();
  expect(keychain.reads).toBe(0);
  expect(live.session.value).toEqual(freshOf("a").session);
  expect(live.token()).toBe("key of a");
  expect(live.hasKey()).toBe(true);
  expect(live.isConfirmed()).toBe(true);
  expect(live.lastHeardAt.value).toBeNull();
  expect(await sessions.session()).toEqual(freshOf("a").session);
  expect(keys).toEqual([]);
});

test("a stored session is opened with its key, and counts as confirmed once the server has answered", async () => {
  const { open, reports } = await createScene();
  await open(freshOf("a"));

  const live = await open();

  expect(live.session.value.id).toBe("a");
  expect(live.token()).toBe("key of a");
  expect(live.isConfirmed()).toBe(false);
  live.heard();
  expect(live.isConfirmed()).toBe(true);
  expect(live.lastHeardAt.value).toBe(START);
  expect(reports).toEqual([]);
});

test("a session whose record is lost counts as ended, which is reported and stored", async () => {
  const { open, reports, sessions } = await createScene();

  const live = await open();
  await settle();

  const lost = { id: "", student, signedInAt: 0, expiresAt: 0, endedBecause: "session/required" };
  expect(live.session.value).toEqual(lost);
  expect(live.hasKey()).toBe(false);
  expect(await sessions.session()).toEqual(lost);
  expect(reports).toMatchObject([
    { kind: "session-lost", message: expect.stringContaining("The session cannot") },
  ]);
});

test("a key that the keychain does not give out is reported once and read again later", async () => {
  const { open, keychain, reports, keys } = await createScene();
  await open(freshOf("a"));
  keychain.isLocked = true;
  const live = await open();
  expect(live.hasKey()).toBe(false);
  expect(reports).toMatchObject([{ kind: "session-lost", cause: { message: "locked" } }]);
  expect(reports[0]?.message).toContain("key");
  live.wake();
  await settle();
  expect(live.hasKey()).toBe(false);

  keychain.isLocked = false;
  const before = live.session.value;
  live.wake();
  await settle();

  expect(live.token()).toBe("key of a");
  expect(live.session.value).toEqual(before);
  expect(live.session.value).not.toBe(before);
  expect(keys).toEqual(["key of a"]);
  expect(reports).toHaveLength(1);
  const { reads } = keychain;
  live.wake();
  expect(keychain.reads).toBe(reads);
});

/** Opens the session of a student while the keychain is locked. Its key can be read afterwards, once `giveOut` is called. */
const openWithoutKey = async ({
  open,
  keychain,
}: Pick<Awaited<ReturnType<typeof createScene>>, "open" | "keychain">) => {
  await open(freshOf("a"));
  keychain.isLocked = true;
  const live = await open();
  keychain.isLocked = false;
  let giveOut = (): void => expect.fail("nothing was read");
  keychain.readable = new Promise((resolve) => (giveOut = resolve));
  return { live, giveOut: () => giveOut() };
};

test("a key that is found late does not replace the one of a new session", async () => {
  const { open, keychain, keys } = await createScene();
  const { live, giveOut } = await openWithoutKey({ open, keychain });

  live.wake();
  await live.renew(freshOf("b"));
  giveOut();
  await settle();

  expect(live.token()).toBe("key of b");
  expect(keys).toEqual(["key of b"]);
});

test("a use of the session is not undone by a key that is found late, which the next wake finds", async () => {
  const { open, keychain, time } = await createScene();
  const { live, giveOut } = await openWithoutKey({ open, keychain });
  live.wake();

  time.now += 2 * TEN_MINUTES;
  live.heard();
  giveOut();
  await settle();

  expect(live.session.value.heardAt).toBe(time.now);
  live.wake();
  await settle();
  expect(live.token()).toBe("key of a");
  expect(live.session.value.heardAt).toBe(time.now);
});

test("a keychain without the key leaves the session without one", async () => {
  const { open, keychain, keys, secrets } = await createScene();
  await open(freshOf("a"));
  keychain.isLocked = true;
  const live = await open();
  keychain.isLocked = false;
  secrets.clear();

  live.wake();
  await settle();

  expect(live.hasKey()).toBe(false);
  expect(keys).toEqual([]);
});

test("the use of a session is recorded every ten minutes, also after the clock was set back", async () => {
  const { open, sessions, time } = await createScene();
  const live = await open(freshOf("a"));
  const stored = async () => {
    await settle();
    return sessions.session();
  };
  time.now += TEN_MINUTES - 1;
  live.heard();
  expect(await stored()).toEqual(freshOf("a").session);
  time.now += 1;
  live.heard();
  const touched: StoredSession = {
    ...freshOf("a").session,
    expiresAt: START + TEN_MINUTES + SESSION_IDLE_MS,
    heardAt: START + TEN_MINUTES,
  };
  expect(await stored()).toEqual(touched);
  expect(live.session.value).toEqual(touched);
  expect((await open()).lastHeardAt.value).toBe(START + TEN_MINUTES);

  time.now -= TEN_MINUTES;
  live.heard();

  expect(await stored()).toEqual({ ...freshOf("a").session, heardAt: START });
});

test("a refusal of the key in use ends the session once, and deletes the key", async () => {
  const { open, sessions, secrets, time } = await createScene();
  const live = await open(freshOf("a"));

  live.failed(expired, "key of a");
  await settle();

  const ended = { ...freshOf("a").session, endedBecause: "session/expired" };
  expect(live.session.value).toEqual(ended);
  expect(live.hasKey()).toBe(false);
  expect(await sessions.session()).toEqual(ended);
  expect([...secrets]).toEqual([]);
  time.now += 2 * TEN_MINUTES;
  live.heard();
  live.failed(new EdVoyageError("session/revoked", "Over."), undefined);
  expect(live.session.value).toEqual(ended);
});

test("a refusal of another key, or of no key, ends nothing", async () => {
  const { open } = await createScene();
  const live = await open(freshOf("a"));

  live.failed(expired, "an old key");
  live.failed(expired, undefined);
  live.failed(new EdVoyageError("conflict", "No."), "key of a");

  expect(live.session.value).toEqual(freshOf("a").session);
  expect(live.token()).toBe("key of a");
});

test("a refused call without a key ends nothing while the key cannot be read", async () => {
  const { open, keychain } = await createScene();
  await open(freshOf("a"));
  keychain.isLocked = true;
  const live = await open();

  live.failed(expired, undefined);

  expect(live.session.value).toEqual(freshOf("a").session);
});

test("a session that has ended keeps its first reason, and loses a key that was left", async () => {
  const { open, sessions } = await createScene();
  const ended = { ...freshOf("a").session, endedBecause: "session/expired" } as const;
  await sessions.save(ended, "key of a");
  const live = await open();

  live.failed(new EdVoyageError("session/revoked", "Over."), "key of a");

  expect(live.session.value).toEqual(ended);
  expect(live.hasKey()).toBe(false);
});

test("every failure except a missing network shows that the server has answered", async () => {
  const { open, time } = await createScene();
  const live = await open(freshOf("a"));

  live.failed(offline, "key of a");
  expect(live.lastHeardAt.value).toBeNull();
  time.now += 5;
  live.failed(new EdVoyageError("conflict", "No."), "key of a");

  expect(live.lastHeardAt.value).toBe(START + 5);
});

test("a new session replaces the old one; its key is not used before it is stored", async () => {
  const { open, keys, sessions, keychain } = await createScene();
  const live = await open(freshOf("a"));
  live.failed(expired, "key of a");

  const renewed = live.renew(freshOf("b"));
  expect(live.token()).toBeUndefined();
  await renewed;

  expect(live.session.value).toEqual(freshOf("b").session);
  expect(live.token()).toBe("key of b");
  expect(live.isConfirmed()).toBe(true);
  live.wake();
  expect(keychain.reads).toBe(0);
  expect(keys).toEqual(["key of b"]);
  expect(await sessions.session()).toEqual(freshOf("b").session);
});

test("while a new session is stored, a refusal of the old key says nothing", async () => {
  const { open } = await createScene();
  const live = await open(freshOf("a"));

  const renewed = live.renew(freshOf("b"));
  expect(live.token()).toBeUndefined();
  expect(live.hasKey()).toBe(true);
  live.failed(expired, "key of a");
  await renewed;

  expect(live.session.value).toEqual(freshOf("b").session);
});

test("a new session that cannot be stored changes nothing", async () => {
  const { open, keychain, keys } = await createScene();
  const live = await open(freshOf("a"));
  keychain.isFull = true;

  await expect(live.renew(freshOf("b"))).rejects.toThrow("full");

  expect(live.session.value).toEqual(freshOf("a").session);
  expect(live.token()).toBe("key of a");
  expect(keys).toEqual([]);
});

test("switches to the session that another program has begun, and to no other", async () => {
  const { open, sessions, keys } = await createScene();
  const live = await open(freshOf("a"));
  await live.reload();
  expect(keys).toEqual([]);
  await sessions.save(freshOf("b").session, "key of b");

  await live.reload();

  expect(live.session.value).toEqual(freshOf("b").session);
  expect(keys).toEqual(["key of b"]);
});

test("a write that fails is reported, but not after the session was closed", async () => {
  const { open, keychain, reports } = await createScene();
  const live = await open(freshOf("a"));
  keychain.isFull = true;

  live.failed(expired, "key of a");
  await settle();
  expect(reports).toMatchObject([{ kind: "not-kept", cause: { message: "full" } }]);

  const other = await createScene();
  const closing = await other.open(freshOf("a"));
  other.keychain.isFull = true;
  closing.failed(expired, "key of a");
  await closing.close();
  await settle();
  expect(other.reports).toEqual([]);
  other.time.now += 2 * TEN_MINUTES;
  closing.heard();
  expect(closing.lastHeardAt.value).toBe(START);
});
