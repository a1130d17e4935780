import type { CommandId, MessageId, RoomId, UserId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import type { Clock } from "../runtime/clock.ts";
import { EdVoyageError } from "../runtime/errors.ts";
import { createNewId } from "../runtime/ids.ts";
import { createMemoryStorage, type MemoryStorage } from "../storage/memory.ts";
import { createRecords } from "../storage/records.ts";
import { StorageError } from "../storage/storage.ts";
import type { OutboxEntry } from "./outbox-entry.ts";
import { createOutbox, type Outbox } from "./outbox.ts";

/** A clock whose timers run only in `advance`. */
const createManualClock = () => {
  let now = 1_000_000;
  const timers = new Set<{ readonly dueAt: number; readonly task: () => void }>();
  const clock: Clock = {
    now: () => now,
    after: (delayMs, task) => {
      const timer = { dueAt: now + delayMs, task };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  return {
    clock,
    waits: () => [...timers].map(({ dueAt }) => dueAt - now).sort((a, b) => a - b),
    advance: (ms: number) => {
      now += ms;
      for (const timer of timers) {
        if (timer.dueAt > now) continue;
        timers.delete(timer);
        timer.task();
      }
    },
  };
};

interface Sent {
  readonly entry: OutboxEntry;
  answer(value?: unknown): void;
  refuse(error: unknown): void;
}

/** Runs all pending tasks that need no timer. */
const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 50; turns += 1) await Promise.resolve();
};

const createScene = async ({
  storage = createMemoryStorage(),
  time = createManualClock(),
  failing = () => undefined,
}: {
  readonly storage?: MemoryStorage;
  readonly time?: ReturnType<typeof createManualClock>;
  readonly failing?: () => StorageError | undefined;
} = {}) => {
  const store = await storage.open("student");
  const records = createRecords(
    {
      ...store,
      write: async (changes) => {
        const error = failing();
        if (error) throw error;
        return store.write(changes);
      },
    },
    { onDamaged: () => expect.fail("damaged") },
  );
  const sent: Sent[] = [];
  const faults: unknown[] = [];
  let hasSession = true;
  const randomBytes = (count: number) => crypto.getRandomValues(new Uint8Array(count));
  const outbox = await createOutbox({
    records,
    clock: time.clock,
    randomBytes,
    newId: createNewId({ clock: time.clock, randomBytes }),
    canSend: () => hasSession,
    send: (entry) =>
      new Promise((resolve, reject) => {
        sent.push({ entry, answer: resolve, refuse: reject });
      }),
    onFault: (error) => faults.push(error),
    peers: { name: "student", peers: storage.peers },
  });
  await settle();
  const say = (text: string, room = "one", id?: CommandId) =>
    outbox.add("chat.send", {
      lane: `room/${room}`,
      input: { roomId: room as RoomId, text, replyTo: null },
      ...(id ? { id } : {}),
    });
  return {
    outbox,
    sent,
    faults,
    time,
    storage,
    say,
    setSession: (has: boolean) => {
      hasSession = has;
    },
    texts: () => sent.map(({ entry }) => (entry.procedure === "chat.send" ? entry.input.text : "?")),
    states: () => outbox.entries.value.map(({ state }) => state),
    close: async () => {
      outbox.close();
      await records.close();
    },
  };
};

const receipt = (entry: OutboxEntry) => ({ messageId: entry.id, position: { segment: 0, index: 1 }, at: 1 });

const settleNext = async (sent: readonly Sent[], index: number): Promise<void> => {
  const one = sent[index] ?? expect.fail(`nothing was sent ${index} times`);
  one.answer(receipt(one.entry));
  await settle();
};

test("a command is stored before its promise resolves, and the next program sends it", async () => {
  const first = await createScene();
  first.setSession(false);
  await first.say("hello");
  await first.close();

  const second = await createScene({ storage: first.storage });

  expect(second.texts()).toEqual(["hello"]);
  expect(second.outbox.entries.value).toMatchObject([{ state: "pending", isSending: true }]);
});

test("commands of one lane are sent one after the other, other lanes at the same time", async () => {
  const { say, sent, texts } = await createScene();
  await Promise.all([say("1"), say("2"), say("other", "two"), say("3")]);
  await settle();

  expect(texts()).toEqual(["1", "other"]);
  await settleNext(sent, 0);
  expect(texts()).toEqual(["1", "other", "2"]);
});

test("a sent message stays as acknowledged until it is forgotten; other commands are removed with their answer", async () => {
  const { say, sent, outbox } = await createScene();
  const { id } = await say("hello");
  await outbox.add("contacts.remove", { lane: "contact", input: { userId: "somebody" as UserId } });
  await settleNext(sent, 0);
  sent[1]?.answer({});
  await settle();

  expect(outbox.entries.value).toMatchObject([{ id, state: "acked", answer: { messageId: id } }]);
  await outbox.forget([id]);
  expect(outbox.entries.value).toEqual([]);
});

test("a change of a message stays as acknowledged too, unless it changed nothing in the room", async () => {
  const { sent, outbox } = await createScene();
  const input = { roomId: "one" as RoomId, messageId: "m" as MessageId };
  await outbox.add("chat.remove", { lane: "1", input });
  const react = { lane: "2", input: { ...input, emoji: null } };
  await outbox.add("chat.react", react);
  await settleNext(sent, 0);
  sent[1]?.answer({ messageId: "m", position: null, emoji: null, at: 1 });
  await settle();

  expect(outbox.entries.value).toMatchObject([{ procedure: "chat.remove", state: "acked" }]);
});

test("a command that was never sent can be rewritten at its place or withdrawn", async () => {
  const { say, outbox, setSession, sent, texts } = await createScene();
  setSession(false);
  const [first, second, third] = [await say("1"), await say("2"), await say("3")];
  const input = { roomId: "one" as RoomId, text: "1, again", replyTo: null };

  expect(await outbox.rewrite(first.id, input)).toBe(true);
  expect(await outbox.withdraw([second.id, third.id])).toBe(true);
  expect(await outbox.withdraw([second.id])).toBe(false);
  setSession(true);
  outbox.wake();
  await settleNext(sent, 0);

  expect(texts()).toEqual(["1, again"]);
});

test("a command that may have been sent, by any program, cannot be rewritten or withdrawn", async () => {
  const { say, outbox, sent, setSession, storage, close } = await createScene();
  const input = { roomId: "one" as RoomId, text: "other", replyTo: null };
  const { id } = await say("1");
  sent[0]?.refuse(new EdVoyageError("offline", "No."));
  await settle();
  setSession(false);
  const waiting = await say("2");
  const tab = await createScene({ storage: storage.connect() });
  tab.setSession(false);
  const ofTab = await tab.say("3");

  expect(await outbox.rewrite(id, input)).toBe(false);
  expect(await outbox.withdraw([waiting.id, id])).toBe(false);
  expect(await tab.outbox.withdraw([ofTab.id])).toBe(false);
  await close();
  expect(await tab.outbox.rewrite(waiting.id, input)).toBe(false);
  expect(tab.outbox.entries.value).toHaveLength(3);
});

test("a rejected command is kept with its reason and does not block its lane", async () => {
  const { say, sent, outbox, texts } = await createScene();
  const { id } = await say("too long");
  await say("short");
  sent[0]?.refuse(
    new EdVoyageError("limit/reached", "Too long.", { details: { limit: "messageCharacters" } }),
  );
  await settle();

  expect(outbox.entries.value[0]).toMatchObject({
    id,
    state: "failed",
    reason: "limit/reached",
    details: { limit: "messageCharacters" },
  });
  expect(texts()).toEqual(["too long", "short"]);

  await outbox.retry(id);
  await settleNext(sent, 1);
  expect(sent[2]?.entry.id).toBe(id);
});

test("without a server, commands are retried forever with growing random delays", async () => {
  const { say, sent, time } = await createScene();
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
  const { say, sent, outbox } = await createScene();
  await say("1");
  sent[0]?.refuse(new EdVoyageError("offline", "No."));
  await settle();
  expect(sent).toHaveLength(1);

  outbox.wake();

  expect(sent).toHaveLength(2);
});

test("a lane waits as long as the server asks, even after wake and flush, and other lanes do not wait", async () => {
  const { say, sent, time, texts, outbox } = await createScene();
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
  let scene = await createScene();
  await scene.say("poison");
  await scene.say("next");
  for (let faults = 0; faults < 10; faults += 1) {
    if (faults === 5) {
      await scene.close();
      scene = await createScene({ storage: scene.storage, time: scene.time });
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
  const { say, sent, outbox, setSession, states, time } = await createScene();
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
  const { say, sent, outbox } = await createScene({
    failing: () => (isFull ? new StorageError("full", "No room") : undefined),
  });

  await expect(say("1")).rejects.toMatchObject({ reason: "device/full" });
  expect(outbox.entries.value).toEqual([]);
  isFull = false;
  await say("2");
  await settle();

  expect(sent.map(({ entry }) => entry.input)).toMatchObject([{ text: "2" }]);
});

test("a command whose answer cannot be written is sent again under the same id", async () => {
  let isFull = false;
  const { say, sent, faults, time, states } = await createScene({
    failing: () => (isFull ? new StorageError("full", "No room") : undefined),
  });
  const { id } = await say("1");
  isFull = true;
  await settleNext(sent, 0);
  expect(faults).toHaveLength(1);
  expect(states()).toEqual(["pending"]);

  isFull = false;
  time.advance(60_000);
  await settle();
  expect(sent[1]?.entry.id).toBe(id);
  await settleNext(sent, 1);
  expect(states()).toEqual(["acked"]);
});

/** Marks a room as read up to a position; the mark may replace an earlier one. */
const mark = (outbox: Outbox, index: number, replaces?: CommandId) =>
  outbox.add("chat.markRead", {
    lane: "read/one",
    input: { roomId: "one" as RoomId, position: { segment: 0, index } },
    replaces,
  });

test("a waiting command is replaced in the same step, but one being sent is not", async () => {
  const { sent, outbox } = await createScene();
  const first = await mark(outbox, 1);
  const second = await mark(outbox, 2, first.id);
  const third = await mark(outbox, 3, second.id);

  expect(outbox.entries.value.map(({ id }) => id)).toEqual([first.id, third.id]);
  await expect(outbox.discard(first.id)).rejects.toMatchObject({ reason: "conflict" });
  await outbox.discard(third.id);
  sent[0]?.answer({});
  await settle();
  expect(outbox.entries.value).toEqual([]);
});

test("a command that may have been sent is not replaced, because a late copy would take effect last", async () => {
  const { sent, outbox, time } = await createScene();
  const first = await mark(outbox, 1);
  sent[0]?.refuse(new EdVoyageError("offline", "No answer came in time"));
  await settle();

  const second = await mark(outbox, 2, first.id);
  const third = await mark(outbox, 3, second.id);
  time.advance(60_000);
  await settleNext(sent, 1);
  await settleNext(sent, 2);

  expect(sent.map(({ entry }) => entry.id)).toEqual([first.id, first.id, third.id]);
});

test("flush waits for all commands and reports how many are left after its timeout", async () => {
  const { say, sent, outbox, time } = await createScene();
  await say("1");
  const late = outbox.flush({ timeoutMs: 5_000 });
  time.advance(5_000);
  await expect(late).rejects.toMatchObject({ reason: "outbox/not-empty", details: { left: 1 } });

  const inTime = outbox.flush({ timeoutMs: 5_000 });
  await settleNext(sent, 0);
  await expect(inTime).resolves.toBeUndefined();
});

test("two programs on one store send each command once, and both see it", async () => {
  const one = await createScene();
  const other = await createScene({ storage: one.storage.connect(), time: one.time });
  await other.say("from the second");
  await one.say("from the first", "two");
  await settle();

  expect(one.texts().sort()).toEqual(["from the first", "from the second"]);
  expect(other.texts()).toEqual([]);
  expect(other.outbox.entries.value).toHaveLength(2);

  await settleNext(one.sent, 0);
  expect(other.states().sort()).toEqual(["acked", "pending"]);
  await one.close();
  await settle();
  expect(other.sent).toHaveLength(1);
});

test("a command in flight when the network comes back is retried immediately, and then waits if it fails again", async () => {
  const { outbox, sent, say, texts, time, states } = await createScene();
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
  const one = await createScene();
  const other = await createScene({ storage: one.storage.connect(), time: one.time });
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
  const one = await createScene({ storage: { ...storage, peers: { ...peers, acquire } } });
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
