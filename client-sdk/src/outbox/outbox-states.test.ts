import type { CommandId, MessageId, RoomId, UserId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { EdVoyageError } from "../runtime/errors.ts";
import { createNewId } from "../runtime/ids.ts";
import { createMemoryStorage } from "../storage/memory.ts";
import { createRecords } from "../storage/records.ts";
import type { QueuedCommand } from "./new-command.ts";
import type { OutboxEntry } from "./outbox-entry.ts";
import { createManualClock, settle } from "./outbox-scene.test.shared.ts";
import { createOutbox } from "./outbox.ts";

/** The longest wait of each backoff. */
const randomBytes = (count: number) => new Uint8Array(count).fill(255);

/** Opens an outbox. The shared `storage` outlives it; `name` is its place among other programs, if there are any. */
const createScene = async ({
  storage = createMemoryStorage(),
  name,
  canSend = true,
}: {
  readonly storage?: ReturnType<typeof createMemoryStorage>;
  readonly name?: string;
  readonly canSend?: boolean;
} = {}) => {
  const time = createManualClock(1_000);
  const store = await storage.open(name ?? "student");
  let write: (() => Promise<void>) | undefined;
  const records = createRecords(
    {
      ...store,
      write: async (changes) => {
        await write?.();
        return store.write(changes);
      },
    },
    { onDamaged: () => expect.fail("damaged") },
  );
  const sent: {
    readonly entry: OutboxEntry;
    answer(value: unknown): void;
    refuse(error: unknown): void;
  }[] = [];
  const faults: unknown[] = [];
  const answered: CommandId[] = [];
  const outbox = await createOutbox({
    records,
    clock: time.clock,
    randomBytes,
    newId: createNewId({
      clock: time.clock,
      randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
    }),
    canSend: () => canSend,
    send: (entry) => new Promise((resolve, reject) => sent.push({ entry, answer: resolve, refuse: reject })),
    onAnswer: ({ id }) => void answered.push(id),
    onFault: (error) => void faults.push(error),
    peers: name === undefined ? undefined : { name, peers: storage.peers },
  });
  await settle();
  return {
    outbox,
    records,
    time,
    sent,
    faults,
    answered,
    storage,
    writeWith: (next: typeof write) => (write = next),
    remove: (user: string, more: { lane?: string; replaces?: CommandId; failure?: EdVoyageError } = {}) =>
      outbox.add("contacts.remove", { lane: "contacts", ...more, input: { userId: user as UserId } }),
    users: () =>
      sent.map(({ entry }) => (entry.procedure === "contacts.remove" ? entry.input.userId : entry.procedure)),
    ids: () => outbox.entries.value.map(({ id }) => id),
    refuse: async (error: EdVoyageError) => {
      (sent.at(-1) ?? expect.fail("nothing was sent")).refuse(error);
      await settle();
    },
    answer: async (value: unknown = {}) => {
      (sent.at(-1) ?? expect.fail("nothing was sent")).answer(value);
      await settle();
    },
  };
};

const command = (user: string): QueuedCommand => ({
  procedure: "contacts.remove",
  lane: "contacts",
  input: { userId: user as UserId },
});
const serverBug = new EdVoyageError("server/failed", "Bug.");
const offline = new EdVoyageError("offline", "No.");
const slowDown = new EdVoyageError("rate/limited", "Slow.", { details: { retryAfterSeconds: 30 } });
const rejected = new EdVoyageError("conflict", "No.", { details: { of: "x" } });

test("a closed outbox accepts no command", async () => {
  const { outbox, remove } = await createScene({ canSend: false });
  outbox.close();

  await expect(remove("a")).rejects.toMatchObject({ reason: "closed" });
});

test("a command that is not there can be neither retried nor discarded", async () => {
  const { outbox } = await createScene();

  await expect(outbox.retry("none" as CommandId)).rejects.toMatchObject({ reason: "not-found" });
  await expect(outbox.discard("none" as CommandId)).rejects.toMatchObject({ reason: "not-found" });
});

test("accepts 10,000 commands, and none of those that exceed this", async () => {
  const { outbox, remove } = await createScene({ canSend: false });
  const full = { reason: "limit/reached", details: { limit: "outboxEntries" } };
  const commands = Array.from({ length: 9_999 }, (_, index) => command(`${index}`));
  await outbox.addAll(commands);

  await expect(outbox.addAll([command("a"), command("b")])).rejects.toMatchObject(full);
  await remove("last");

  await expect(remove("one more")).rejects.toMatchObject(full);
  expect(outbox.entries.value).toHaveLength(10_000);
});

test("commands keep their order across restarts", async () => {
  const first = await createScene({ canSend: false });
  const ids = [await first.remove("a"), await first.remove("b")].map(({ id }) => id);
  first.outbox.close();
  const second = await createScene({ canSend: false, storage: first.storage });
  ids.push((await second.remove("c")).id);
  expect(second.ids()).toEqual(ids);
  second.outbox.close();

  const third = await createScene({ storage: first.storage });

  expect(third.ids()).toEqual(ids);
  const keys = (await third.records.listJson("outbox/")).map(({ key }) => key);
  expect(keys).toEqual(ids.map((id, index) => `outbox/00000000000${index + 1}-${id}`));
});

test("an acknowledged message is replaced", async () => {
  const { outbox, answer, remove, ids } = await createScene();
  const input = { roomId: "one" as RoomId, messageId: "m" as MessageId };
  const { id } = await outbox.add("chat.remove", { lane: "room", input });
  await answer({ messageId: "m", position: { segment: 0, index: 1 }, at: 1 });
  expect(outbox.entries.value).toMatchObject([{ id, state: "acked" }]);

  const next = await remove("a", { replaces: id });

  expect(ids()).toEqual([next.id]);
});

test("a command that is stored as failed is shown with its failure, and is neither sent nor rewritten", async () => {
  const { outbox, remove, sent } = await createScene();

  const { id } = await remove("a", { failure: rejected });

  const input = { userId: "a" as UserId };
  expect(outbox.entries.value).toEqual([
    {
      id,
      procedure: "contacts.remove",
      input,
      lane: "contacts",
      createdAt: 1_000,
      state: "failed",
      reason: "conflict",
      message: "No.",
      details: { of: "x" },
    },
  ]);
  expect(sent).toEqual([]);
  expect(await outbox.rewrite(id, { userId: "b" as UserId })).toBe(false);
});

test("an answer that comes after the outbox was closed changes nothing", async () => {
  const { outbox, remove, answer, answered, faults } = await createScene();
  await remove("a");
  outbox.close();

  await answer();

  expect({ answered, faults }).toEqual({ answered: [], faults: [] });
});

test("an answer whose write fails because the outbox was closed is not reported", async () => {
  const { outbox, remove, answer, faults, writeWith, time } = await createScene();
  await remove("a");
  let fail = (): void => expect.fail("nothing was written");
  writeWith(() => new Promise((_resolve, reject) => (fail = () => reject(new Error("closed")))));
  await answer();

  outbox.close();
  fail();
  await settle();

  expect(faults).toEqual([]);
  expect(time.waits()).toEqual([]);
});

test("a success makes a lane's next wait short again", async () => {
  const { remove, refuse, answer, time } = await createScene();
  await remove("a");
  const waits: number[] = [];
  for (let failures = 0; failures < 4; failures += 1) {
    await refuse(serverBug);
    waits.push(...time.waits());
    time.advance(120_000);
    await settle();
  }
  await answer();
  await remove("b");

  await refuse(serverBug);

  expect(waits[3]).toBeGreaterThan(waits[0] ?? 0);
  expect(time.waits()).toEqual([waits[0]]);
});

test.each(["server/failed", "fault"] as const)("a command fails after ten times `%s`", async (reason) => {
  const { remove, refuse, time, outbox, sent } = await createScene();
  await remove("a");
  for (let faults = 0; faults < 10; faults += 1) {
    expect(outbox.entries.value).toMatchObject([{ state: "pending" }]);
    await refuse(new EdVoyageError(reason, "Bug."));
    time.advance(120_000);
    await settle();
  }

  expect(outbox.entries.value).toMatchObject([{ state: "failed", reason }]);
  expect(sent).toHaveLength(10);
});

test("a lane that the server slows down delays no other lane, but a missing network delays all", async () => {
  const { remove, refuse, users, faults, time } = await createScene();
  await remove("a");
  await refuse(slowDown);
  await remove("b", { lane: "other" });
  expect(users()).toEqual(["a", "b"]);

  await refuse(offline);
  await remove("c", { lane: "third" });

  expect(users()).toEqual(["a", "b"]);
  expect(faults).toEqual([]);
  expect(time.waits()).toHaveLength(2);
});

test("a lane waits for a usual time when the server does not say how long", async () => {
  const { remove, refuse, time } = await createScene();
  await remove("a");

  await refuse(new EdVoyageError("rate/limited", "Slow."));

  const [wait = 0] = time.waits();
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThan(60_000);
});

test("eight lanes send at the same time", async () => {
  const { remove, users, answer } = await createScene();
  for (let lane = 0; lane < 10; lane += 1) await remove(`${lane}`, { lane: `${lane}` });
  expect(users()).toEqual(["0", "1", "2", "3", "4", "5", "6", "7"]);

  await answer();

  expect(users().slice(8)).toEqual(["8"]);
});

test("retrying a command that waits does not shorten its wait", async () => {
  const { outbox, remove, refuse, sent } = await createScene();
  const { id } = await remove("a");
  await refuse(slowDown);

  await outbox.retry(id);
  await settle();

  expect(sent).toHaveLength(1);
});

test("a failed command that is retried is sent at once and may fail another ten times", async () => {
  const { outbox, remove, refuse, time, sent } = await createScene();
  const { id } = await remove("a");
  for (let faults = 0; faults < 10; faults += 1) {
    await refuse(serverBug);
    time.advance(120_000);
    await settle();
  }

  await outbox.retry(id);
  await settle();
  expect(sent).toHaveLength(11);
  await refuse(serverBug);

  expect(outbox.entries.value).toMatchObject([{ id, state: "pending" }]);
});

test("forgets only acknowledged commands, and only those it is told to forget", async () => {
  const { outbox, remove, answer, ids } = await createScene();
  const input = { roomId: "one" as RoomId, messageId: "m" as MessageId };
  const [one, other] = [
    await outbox.add("chat.remove", { lane: "1", input }),
    await outbox.add("chat.edit", { lane: "2", input: { ...input, text: "hello" } }),
  ];
  await answer({ messageId: "m", position: { segment: 0, index: 1 }, at: 1 });
  const waiting = await remove("a", { failure: rejected });

  await outbox.forget([other.id, waiting.id]);

  expect(ids()).toEqual([one.id, waiting.id]);
});

test("a flush that is pending fails when the outbox is closed", async () => {
  const { outbox, remove } = await createScene();
  await remove("a");
  const flushed = outbox.flush({ timeoutMs: 60_000 }).catch((error: unknown) => error);

  outbox.close();

  expect(await flushed).toMatchObject({ reason: "outbox/not-empty", details: { left: 1 } });
});

test("two students' outboxes on one storage both send", async () => {
  const storage = createMemoryStorage();
  const [one, other] = [
    await createScene({ storage, name: "one" }),
    await createScene({ storage: storage.connect(), name: "other" }),
  ];

  await one.remove("a");
  await other.remove("b");

  expect([...one.users(), ...other.users()]).toEqual(["a", "b"]);
});
