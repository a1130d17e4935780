import type { RoomId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { EdVoyageError } from "../runtime/errors.ts";
import { settle, createOutboxScene, type Sent } from "./outbox-scene.test.shared.ts";

/** Creates the error for an answer of a firewall instead of the server. */
const foreign = (status = 403) =>
  new EdVoyageError("offline", "Somebody else answered", { details: { status } });

test("a command that is always refused on the way fails once others got through, and does not slow their lanes", async () => {
  const { say, sent, time, outbox, texts } = await createOutboxScene();
  const { id } = await say("bad", "one");
  await say("after it", "one");
  const answered = new Set<Sent>();
  const answerAll = async (): Promise<void> => {
    for (const one of sent) {
      if (answered.has(one)) continue;
      answered.add(one);
      if (one.entry.id === id) one.refuse(foreign());
      else one.answer({ messageId: one.entry.id, position: { segment: 0, index: 1 }, at: 1 });
    }
    await settle();
  };
  await answerAll();
  for (let others = 0; others < 3; others += 1) {
    await say(`other ${others}`, "two");
    await answerAll();
    expect(texts()).toContain(`other ${others}`);
  }
  expect(outbox.get(id)).toMatchObject({ state: "pending" });
  for (let seconds = 0; seconds < 60; seconds += 1) {
    time.advance(1_000);
    await settle();
    await answerAll();
  }

  expect(sent.filter(({ entry }) => entry.id === id)).toHaveLength(5);
  expect(outbox.get(id)).toMatchObject({
    state: "failed",
    reason: "refused-on-the-way",
    details: { status: 403 },
  });
  expect(texts()).toContain("after it");

  await outbox.retry(id);
  await settle();
  sent.at(-1)?.answer({ messageId: id, position: { segment: 0, index: 9 }, at: 1 });
  await settle();
  expect(outbox.get(id)).toMatchObject({ state: "acked" });
});

test("a portal that answers everything makes no command fail, and is asked at most once a second, however many lanes wait", async () => {
  const { say, sent, time, states, outbox } = await createOutboxScene();
  for (let room = 0; room < 200; room += 1) await say("hello", `room ${room}`);
  let asked = 0;
  for (let seconds = 0; seconds < 1_200; seconds += 1) {
    const open = sent.splice(0);
    if (seconds >= 600) asked += open.length;
    for (const one of open) one.refuse(foreign(200));
    await settle();
    time.advance(1_000);
    await settle();
  }

  expect(states().every((state) => state === "pending")).toBe(true);
  expect(asked).toBeGreaterThan(300);
  expect(asked).toBeLessThanOrEqual(600);
  expect(outbox.entries.value).toHaveLength(200);
});

test("a command whose requests are cut while others get through is set aside after ten of them", async () => {
  const { say, sent, time, outbox } = await createOutboxScene();
  const { id } = await say("bad", "one");
  const answered = new Set<Sent>();
  for (let seconds = 0; seconds < 900; seconds += 1) {
    if (seconds % 10 === 0) await say(`other ${seconds}`, "two");
    for (const one of sent) {
      if (answered.has(one)) continue;
      answered.add(one);
      if (one.entry.id === id) one.refuse(new EdVoyageError("offline", "Reset"));
      else one.answer({ messageId: one.entry.id, position: { segment: 0, index: 1 }, at: 1 });
    }
    await settle();
    time.advance(1_000);
    await settle();
  }

  expect(outbox.get(id)).toMatchObject({ state: "failed", reason: "refused-on-the-way" });
  expect(outbox.entries.value.filter(({ state }) => state === "pending").length).toBeLessThan(3);
});

test("three commands that a firewall always refuses do not delay a fourth one that it lets through", async () => {
  const { say, sent, time, outbox } = await createOutboxScene();
  for (const room of ["one", "two", "three"]) await say("bad", room);
  const answered = new Set<Sent>();
  const answerAll = async (): Promise<void> => {
    for (const one of sent) {
      if (answered.has(one)) continue;
      answered.add(one);
      if (one.entry.lane !== "room/four") one.refuse(foreign());
      else one.answer({ messageId: one.entry.id, position: { segment: 0, index: 1 }, at: 1 });
    }
    await settle();
  };
  for (let seconds = 0; seconds < 600; seconds += 1) {
    time.advance(1_000);
    await settle();
    await answerAll();
  }

  const { id } = await say("good", "four");
  await answerAll();

  expect(outbox.get(id)).toMatchObject({ state: "acked" });
});

test("behind a portal whose connections are then cut, each lane has its turn", async () => {
  const { say, sent, time } = await createOutboxScene();
  const rooms = ["one", "two", "three", "four"];
  for (const room of rooms) await say("hello", room);
  const refuseOpen = async (error: () => EdVoyageError): Promise<readonly string[]> => {
    const open = sent.splice(0);
    for (const one of open) one.refuse(error());
    await settle();
    time.advance(10_000);
    await settle();
    return open.map(({ entry }) => entry.lane);
  };
  for (let tries = 0; tries < 10; tries += 1) await refuseOpen(foreign);

  const lanes: string[] = [];
  for (let tries = 0; tries < 60; tries += 1)
    lanes.push(...(await refuseOpen(() => new EdVoyageError("offline", "Reset"))));

  expect(new Set(lanes)).toEqual(new Set(rooms.map((room) => `room/${room}`)));
});

test("a read mark that is refused on the way is tried until it gets through", async () => {
  const { say, sent, time, outbox } = await createOutboxScene();
  await outbox.add("chat.markRead", {
    input: { roomId: "one" as RoomId, position: { segment: 0, index: 1 } },
    lane: "read/one",
  });
  let isRefused = true;
  const answerAll = async (): Promise<void> => {
    for (const one of sent.splice(0)) {
      if (one.entry.procedure === "chat.markRead" && isRefused) one.refuse(foreign());
      else one.answer({ messageId: one.entry.id, position: { segment: 0, index: 1 }, at: 1 });
    }
    await settle();
  };
  for (let others = 0; others < 100; others += 1) {
    if (others % 10 === 0) await say(`other ${others}`, "two");
    time.advance(10_000);
    await settle();
    await answerAll();
  }
  const waiting = outbox.entries.value.map(({ procedure, state }) => [procedure, state]);

  isRefused = false;
  time.advance(60_000);
  await settle();
  await answerAll();

  expect(waiting).toContainEqual(["chat.markRead", "pending"]);
  expect(outbox.entries.value.filter(({ procedure }) => procedure === "chat.markRead")).toEqual([]);
});
