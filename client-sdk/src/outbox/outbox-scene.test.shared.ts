import type { CommandId, RoomId } from "@edvoyage/protocol";
import { expect } from "vitest";
import type { Clock } from "../runtime/clock.ts";
import { createNewId } from "../runtime/ids.ts";
import { createMemoryStorage, type MemoryStorage } from "../storage/memory.ts";
import { createRecords } from "../storage/records.ts";
import type { StorageError } from "../storage/storage.ts";
import type { OutboxEntry } from "./outbox-entry.ts";
import { createOutbox } from "./outbox.ts";

/** Creates a clock whose timers run only in `advance`. */
export const createManualClock = (startAt = 1_000_000) => {
  let now = startAt;
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

/** A command that the outbox has sent, and the means to answer it. */
export interface Sent {
  readonly entry: OutboxEntry;
  answer(value?: unknown): void;
  refuse(error: unknown): void;
}

/** Runs all pending tasks that need no timer. */
export const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 50; turns += 1) await Promise.resolve();
};

/** Creates an outbox on a storage, with a server that answers when a test says so. */
export const createOutboxScene = async ({
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

/** The receipt of a message. */
const receipt = (entry: OutboxEntry) => ({
  messageId: entry.id,
  position: { segment: 0, index: 1 },
  at: 1,
});

/** Answers a command. */
export const settleNext = async (sent: readonly Sent[], index: number): Promise<void> => {
  const one = sent[index] ?? expect.fail(`nothing was sent ${index} times`);
  one.answer(receipt(one.entry));
  await settle();
};
