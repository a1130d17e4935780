import type { CommandId, MessageId, RoomId, UserId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { EdVoyageError } from "../runtime/errors.ts";
import type { Outbox } from "./api.ts";
import { settle, createOutboxScene, settleNext } from "./outbox-scene.test.shared.ts";

test("a command is stored before its promise resolves, and the next program sends it", async () => {
  const first = await createOutboxScene();
  first.setSession(false);
  await first.say("hello");
  await first.close();

  const second = await createOutboxScene({ storage: first.storage });

  expect(second.texts()).toEqual(["hello"]);
  expect(second.outbox.entries.value).toMatchObject([{ state: "pending", isSending: true }]);
});

test("commands of one lane are sent one after the other, other lanes at the same time", async () => {
  const { say, sent, texts } = await createOutboxScene();
  await Promise.all([say("1"), say("2"), say("other", "two"), say("3")]);
  await settle();

  expect(texts()).toEqual(["1", "other"]);
  await settleNext(sent, 0);
  expect(texts()).toEqual(["1", "other", "2"]);
});

test("a sent message stays as acknowledged until it is forgotten; other commands are removed with their answer", async () => {
  const { say, sent, outbox } = await createOutboxScene();
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
  const { sent, outbox } = await createOutboxScene();
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
  const { say, outbox, setSession, sent, texts } = await createOutboxScene();
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
  const { say, outbox, sent, setSession, storage, close } = await createOutboxScene();
  const input = { roomId: "one" as RoomId, text: "other", replyTo: null };
  const { id } = await say("1");
  sent[0]?.refuse(new EdVoyageError("offline", "No."));
  await settle();
  setSession(false);
  const waiting = await say("2");
  const tab = await createOutboxScene({ storage: storage.connect() });
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
  const { say, sent, outbox, texts } = await createOutboxScene();
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

/** Marks a room as read up to a position; the mark may replace an earlier one. */
const mark = (outbox: Outbox, index: number, replaces?: CommandId) =>
  outbox.add("chat.markRead", {
    lane: "read/one",
    input: { roomId: "one" as RoomId, position: { segment: 0, index } },
    replaces,
  });

test("a waiting command is replaced in the same step, but one being sent is not", async () => {
  const { sent, outbox } = await createOutboxScene();
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
  const { sent, outbox, time } = await createOutboxScene();
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

test("two programs on one store send each command once, and both see it", async () => {
  const one = await createOutboxScene();
  const other = await createOutboxScene({ storage: one.storage.connect(), time: one.time });
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
