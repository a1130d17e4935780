import type { RoomId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { EdVoyageError } from "../runtime/errors.ts";
import { createMemoryStorage } from "../storage/memory.ts";
import { StorageError } from "../storage/storage.ts";
import { settle, createOutboxScene, settleNext } from "./outbox-scene.test.shared.ts";

test("without a server, commands are retried forever with growing random delays", async () => {
  const { say, sent, time } = await createOutboxScene();
  await say("1");
  await say("2", "two");
  const longest: number[] = [];
  for (let tries = 0; tries < 12; tries += 1) {
    for (const one of sent) one.refuse(new EdVoyageError("offline", "No."));
    await settle();
    const wait = time.waits().at(-1) ?? expect.fail("it was given up");
    longest.push(wait);
    time.advance(wait);
    await settle();
  }

  expect(Math.max(...longest)).toBeLessThanOrEqual(60_100);
  expect(new Set(longest).size).toBeGreaterThan(8);
  expect(sent.length).toBeGreaterThanOrEqual(24);
});

test("waking up retries immediately when the network is back", async () => {
  const { say, sent, outbox } = await createOutboxScene();
  await say("1");
  sent[0]?.refuse(new EdVoyageError("offline", "No."));
  await settle();
  expect(sent).toHaveLength(1);

  outbox.wake();

  expect(sent).toHaveLength(2);
});

test("a lane waits as long as the server asks, even after wake and flush, and other lanes do not wait", async () => {
  const { say, sent, time, texts, outbox } = await createOutboxScene();
  await say("1");
  sent[0]?.refuse(new EdVoyageError("rate/limited", "Slow.", { details: { retryAfterSeconds: 30 } }));
  await settle();
  await say("other", "two");

  outbox.wake();
  const flushed = outbox.flush({ timeoutMs: 1_000 }).catch((error: unknown) => error);
  time.advance(29_999);
  await settle();
  expect(await flushed).toMatchObject({ reason: "outbox/not-empty" });
  expect(texts()).toEqual(["1", "other"]);
  time.advance(31_001);
  await settle();
  expect(texts()).toEqual(["1", "other", "1"]);
});

test("a command fails after ten server faults, counted across restarts", async () => {
  let scene = await createOutboxScene();
  await scene.say("poison");
  await scene.say("next");
  for (let faults = 0; faults < 10; faults += 1) {
    if (faults === 5) {
      await scene.close();
      scene = await createOutboxScene({ storage: scene.storage, time: scene.time });
    }
    expect(scene.states()).toEqual(["pending", "pending"]);
    scene.sent.at(-1)?.refuse(new EdVoyageError("server/failed", "Bug."));
    await settle();
    scene.time.advance(61_000);
    await settle();
  }

  expect(scene.states()).toEqual(["failed", "pending"]);
  expect(scene.texts().at(-1)).toBe("next");
});

test("an ended session loses no command, and nothing is sent before the next session", async () => {
  const { say, sent, outbox, setSession, states, time } = await createOutboxScene();
  await say("1");
  setSession(false);
  sent[0]?.refuse(new EdVoyageError("session/expired", "Over."));
  await settle();
  time.advance(600_000);
  await settle();
  expect(sent).toHaveLength(1);
  expect(states()).toEqual(["pending"]);

  setSession(true);
  outbox.wake();
  expect(sent).toHaveLength(2);
});

test("a full disk rejects a command immediately, and the command is not sent", async () => {
  let isFull = true;
  const { say, sent, outbox } = await createOutboxScene({
    failing: () => (isFull ? new StorageError("full", "No room") : undefined),
  });

  await expect(say("1")).rejects.toMatchObject({ reason: "device/full" });
  expect(outbox.entries.value).toEqual([]);
  isFull = false;
  await say("2");
  await settle();

  expect(sent.map(({ entry }) => entry.input)).toMatchObject([{ text: "2" }]);
});

test("answers that cannot be written are not asked for again, reported once, and written when the device can", async () => {
  let isFull = false;
  let tries = 0;
  const { say, sent, faults, time, states, storage, texts } = await createOutboxScene({
    failing: () => {
      if (!isFull) return undefined;
      tries += 1;
      return new StorageError("full", "No room");
    },
  });
  for (const text of ["1", "2", "3"]) await say(text);
  isFull = true;
  for (const index of [0, 1, 2]) await settleNext(sent, index);
  for (let seconds = 0; seconds < 3_600; seconds += 1) {
    time.advance(1_000);
    await settle();
  }

  expect(texts()).toEqual(["1", "2", "3"]);
  expect(states()).toEqual(["acked", "acked", "acked"]);
  expect(faults).toHaveLength(1);
  // Once a minute on average half of the time, after the first minute.
  expect(tries).toBeLessThan(200);

  isFull = false;
  time.advance(60_000);
  await settle();
  expect(time.waits()).toEqual([]);
  const next = await createOutboxScene({ storage: storage.connect(), time });
  expect(next.states()).toEqual(["acked", "acked", "acked"]);
  expect(next.texts()).toEqual([]);
});

test("a failure that cannot be written is written with the next step, and the command is not sent again", async () => {
  let isFull = false;
  const { say, sent, outbox, storage, time } = await createOutboxScene({
    failing: () => (isFull ? new StorageError("failed", "Broken") : undefined),
  });
  const { id } = await say("1");
  isFull = true;
  sent[0]?.refuse(new EdVoyageError("forbidden", "No"));
  await settle();
  expect(outbox.entries.value).toMatchObject([{ id, state: "failed" }]);

  isFull = false;
  await say("2");

  const next = await createOutboxScene({ storage: storage.connect(), time });
  expect(next.outbox.entries.value).toMatchObject([{ id, state: "failed" }, { state: "pending" }]);
});

test("flush waits for all commands and reports how many are left after its timeout", async () => {
  const { say, sent, outbox, time } = await createOutboxScene();
  await say("1");
  const late = outbox.flush({ timeoutMs: 5_000 });
  time.advance(5_000);
  await expect(late).rejects.toMatchObject({ reason: "outbox/not-empty", details: { left: 1 } });

  const inTime = outbox.flush({ timeoutMs: 5_000 });
  await settleNext(sent, 0);
  await expect(inTime).resolves.toBeUndefined();
});

test("a command in flight when the network comes back is retried immediately, and then waits if it fails again", async () => {
  const { outbox, sent, say, texts, time, states } = await createOutboxScene();
  const offline = new EdVoyageError("offline", "No network");
  await say("hello");

  outbox.wake();
  sent[0]?.refuse(offline);
  await settle();
  expect(texts()).toEqual(["hello", "hello"]);
  expect(time.waits()).toEqual([]);
  sent[1]?.refuse(offline);
  await settle();

  expect(texts()).toEqual(["hello", "hello"]);
  expect(time.waits()).toHaveLength(1);
  expect(states()).toEqual(["pending"]);
});

test("a command that another program may have sent is not rewritten by the next sender", async () => {
  const one = await createOutboxScene();
  const other = await createOutboxScene({ storage: one.storage.connect(), time: one.time });
  other.setSession(false);
  const { id } = await other.say("from the second");
  await settle();
  expect(one.texts()).toEqual(["from the second"]);

  await one.close();
  await settle();

  const input = { roomId: "one" as RoomId, text: "other", replyTo: null };
  expect(await other.outbox.rewrite(id, input)).toBe(false);
  const own = await other.say("its own");
  expect(await other.outbox.withdraw([own.id])).toBe(true);
});

test("a stalled program that lost the sender role sends nothing until it has the role again", async () => {
  const storage = createMemoryStorage();
  const taken: ((lost?: AbortSignal) => void)[] = [];
  const { peers } = storage;
  const acquire: typeof peers.acquire = (_name, callTaken) => {
    taken.push(callTaken);
    return () => {};
  };
  const one = await createOutboxScene({ storage: { ...storage, peers: { ...peers, acquire } } });
  const turn = new AbortController();
  taken[0]?.(turn.signal);
  await one.say("1");
  one.setSession(false);
  const waiting = await one.say("2");

  turn.abort();
  one.setSession(true);
  one.outbox.wake();
  await settleNext(one.sent, 0);
  expect(one.texts()).toEqual(["1"]);
  expect(await one.outbox.withdraw([waiting.id])).toBe(false);

  taken[0]?.();
  await settle();
  expect(one.texts()).toEqual(["1", "2"]);
});
