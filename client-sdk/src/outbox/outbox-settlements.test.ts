import type { CommandId, MessageId, RoomId, UserId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { EdVoyageError } from "../runtime/errors.ts";
import { createOutboxScene, settle, settleNext } from "./outbox-scene.test.shared.ts";

const ROOM = "one" as RoomId;
const MESSAGE = "message" as MessageId;

/** Follows a promise, and tells its present state. */
const follow = (settled: Promise<unknown>) => {
  const state: { now: unknown } = { now: "waits" };
  settled.then(
    (answer) => (state.now = answer),
    ({ reason }: EdVoyageError) => (state.now = reason),
  );
  return state;
};

test("a write settles with the server's answer", async () => {
  const { say, sent, outbox } = await createOutboxScene();
  const { id } = await say("1");
  const fate = follow(outbox.settled(id));
  await settle();
  expect(fate.now).toBe("waits");

  await settleNext(sent, 0);

  expect(fate.now).toMatchObject({ messageId: id, position: { segment: 0, index: 1 } });
  expect(await outbox.settled(id)).toMatchObject({ messageId: id });
});

test("a write settles with the reason of its failure, and again after a retry", async () => {
  const { say, sent, outbox } = await createOutboxScene();
  const { id } = await say("1");
  const fate = follow(outbox.settled(id));
  sent[0]?.refuse(new EdVoyageError("forbidden", "No", { details: { why: "left" } }));
  await settle();
  expect(fate.now).toBe("forbidden");
  await expect(outbox.settled(id)).rejects.toMatchObject({ reason: "forbidden", details: { why: "left" } });

  await outbox.retry(id);
  const second = follow(outbox.settled(id));
  await settle();
  expect(second.now).toBe("waits");
  await settleNext(sent, 1);
  expect(second.now).toMatchObject({ messageId: id });
});

test("the fate of a write is known after a restart: while it waits, and after it ended", async () => {
  const first = await createOutboxScene();
  const { id } = await first.say("1");
  const { id: refused } = await first.outbox.add("contacts.add", {
    lane: "c",
    input: { userId: "u" as UserId },
  });
  await first.close();

  const second = await createOutboxScene({ storage: first.storage, time: first.time });
  const fate = follow(second.outbox.settled(id));
  await settleNext(second.sent, 0);
  second.sent[1]?.refuse(new EdVoyageError("not-found", "No"));
  await settle();
  expect(fate.now).toMatchObject({ messageId: id });
  await second.outbox.forget([id]);
  await second.outbox.discard(refused);
  await second.close();

  const third = await createOutboxScene({ storage: first.storage, time: first.time });
  expect(third.outbox.entries.value).toEqual([]);
  expect(await third.outbox.settled(id)).toMatchObject({ messageId: id });
  await expect(third.outbox.settled(refused)).rejects.toMatchObject({ reason: "discarded" });
  await expect(third.outbox.settled("unknown" as CommandId)).rejects.toMatchObject({ reason: "not-found" });
});

test("a program that does not send learns how its writes ended", async () => {
  const sender = await createOutboxScene();
  const other = await createOutboxScene({ storage: sender.storage.connect(), time: sender.time });
  const { id } = await other.say("1");
  const refused = await other.say("2", "two");
  const [fate, failure] = [follow(other.outbox.settled(id)), follow(other.outbox.settled(refused.id))];
  await settle();
  expect([fate.now, failure.now]).toEqual(["waits", "waits"]);

  await settleNext(sender.sent, 0);
  sender.sent[1]?.refuse(new EdVoyageError("forbidden", "No"));
  await settle();
  await settle();

  expect([fate.now, failure.now]).toEqual([expect.objectContaining({ messageId: id }), "forbidden"]);
  expect(other.states()).toEqual(["acked", "failed"]);
});

test("a write that a later one replaced settles as that one, also after a restart", async () => {
  const { outbox, sent, setSession, storage, time, close } = await createOutboxScene();
  setSession(false);
  const edit = (text: string, replaces?: CommandId) =>
    outbox.add("chat.edit", { lane: "one", input: { roomId: ROOM, messageId: MESSAGE, text }, replaces });
  const { id } = await edit("1");
  const fate = follow(outbox.settled(id));
  const { id: later } = await edit("2", id);
  setSession(true);
  outbox.wake();
  await settleNext(sent, 0);

  expect(fate.now).toMatchObject({ messageId: later });
  await close();
  const restarted = await createOutboxScene({ storage, time });
  expect(await restarted.outbox.settled(id)).toMatchObject({ messageId: later });
});

test.each(["closed", "signed-out", "discarded"] as const)(
  "a write that waits is told that the outbox ended with %s",
  async (reason) => {
    const { say, outbox } = await createOutboxScene();
    const { id } = await say("1");
    const fate = follow(outbox.settled(id));

    outbox.close(reason);
    await settle();

    expect(fate.now).toBe(reason);
    await expect(outbox.settled(id)).rejects.toMatchObject({ reason: "closed" });
  },
);

test("a rejection that nobody handles is not reported", async () => {
  const { say, sent, outbox } = await createOutboxScene();
  const unhandled: unknown[] = [];
  const listen = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", listen);
  const { id } = await say("1");
  void outbox.settled(id);
  sent[0]?.refuse(new EdVoyageError("forbidden", "No"));
  await settle();
  void outbox.settled("unknown" as CommandId);
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", listen);

  expect(unhandled).toEqual([]);
});

test("the device keeps the outcomes of the last 500 commands", async () => {
  const { outbox, sent, time, storage } = await createOutboxScene();
  const ids: CommandId[] = [];
  for (let count = 0; count < 501; count += 1) {
    time.advance(1);
    ids.push((await outbox.add("social.follow", { lane: `${count}`, input: { userId: "u" as UserId } })).id);
    await settleNext(sent, count);
  }
  const [oldest, second] = ids;

  const restarted = await createOutboxScene({ storage: storage.connect(), time });
  await expect(restarted.outbox.settled(oldest ?? expect.fail())).rejects.toMatchObject({
    reason: "not-found",
  });
  expect(await restarted.outbox.settled(second ?? expect.fail())).toBeDefined();
});

test.each([
  "social.like",
  "social.unlike",
  "social.follow",
  "chat.react",
  "chat.markRead",
  "chat.remove",
] as const)("%s on something that is gone settles without a failure", async (procedure) => {
  const { outbox, sent } = await createOutboxScene();
  const [entry] = await outbox
    .addAll([{ procedure, lane: "one", input: { roomId: ROOM, messageId: MESSAGE } } as never])
    .then(() => outbox.entries.value);
  const fate = follow(outbox.settled(entry?.id ?? expect.fail("nothing was added")));
  sent[0]?.refuse(new EdVoyageError("not-found", "Gone"));
  await settle();

  expect(fate.now).toBeUndefined();
  expect(outbox.entries.value).toEqual([]);
});

test("a refused background command does not stay, but whoever waits for it learns the reason", async () => {
  const { outbox, sent } = await createOutboxScene();
  const { id } = await outbox.add("push.register", { lane: "push", input: { token: "t", provider: "expo" } });
  const fate = follow(outbox.settled(id));
  sent[0]?.refuse(new EdVoyageError("limit/reached", "Too many"));
  await settle();

  expect(fate.now).toBe("limit/reached");
  expect(outbox.entries.value).toEqual([]);
});

test("a retry of an earlier change leaves the failure of a later one, and a retry of the later clears both", async () => {
  const { outbox, sent } = await createOutboxScene();
  const rename = (nickname: string) =>
    outbox.add("contacts.update", {
      input: { userId: "bo" as UserId, nickname },
      lane: "contacts/bo",
    });
  const ids: CommandId[] = [];
  for (const [place, nickname] of ["First", "Second"].entries()) {
    ids.push((await rename(nickname)).id);
    await settle();
    sent[place]?.refuse(new EdVoyageError("not-found", "No contact"));
    await settle();
  }
  const [first = expect.fail("missing"), second = expect.fail("missing")] = ids;

  await outbox.retry(first);
  await settleNext(sent, 2);
  expect(outbox.entries.value).toMatchObject([{ id: second, state: "failed" }]);
  await outbox.retry(second);
  await settleNext(sent, 3);

  expect(outbox.entries.value).toEqual([]);
});
