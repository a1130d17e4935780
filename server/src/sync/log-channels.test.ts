import { defaultLimits, type LogId, type SessionId, type UserId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { systemRandom } from "../platform/crypto.ts";
import type { Connection } from "./connection.ts";
import { createLogChannels } from "./log-channels.ts";
import { encodeEntry } from "./log-encoder.ts";

const ID = "log" as LogId;
const SEGMENT = 0;
const WRITER = 7;

/** Waits until all pending work has ended. */
const settle = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** Creates a log with one growing segment, and a reader whose socket can be busy. */
const createScene = () => {
  const entries: Uint8Array[] = [];
  const sent: Buffer[] = [];
  const failures: unknown[] = [];
  let isBusy = false;
  let failingReads = 0;
  const stateOf = () => ({
    segment: SEGMENT,
    writerId: WRITER,
    length: entries.length,
    redactionRevision: 0,
    isSealed: false,
  });
  const channels = createLogChannels({
    logs: {
      segment: async () => stateOf(),
      formerWriters: async () => [],
      read: async (_id: LogId, _segment: number, { length }: { readonly length: number }) => {
        failingReads -= 1;
        if (failingReads >= 0) throw new Error("The database cannot be reached");
        const stretch = { writerId: WRITER, from: length, entries: entries.slice(length), redacted: [] };
        return { state: stateOf(), stretch, since: 0 };
      },
    },
    access: {
      firstReadableSegment: async () => 0,
      formerReaders: async () => [],
      readers: async () => [],
    },
    hiddenFrom: async () => [],
    clock: { now: () => 0, monotonicNow: () => 0, every: () => () => {} },
    random: systemRandom,
    limits: defaultLimits,
    metrics: { framesDelivered: () => {}, entriesDelivered: () => {}, lagged: () => {} },
    background: (task) => void task.catch((error: unknown) => failures.push(error)),
  });
  const connection: Connection = {
    userId: "reader" as UserId,
    sessionId: "session" as SessionId,
    keyHash: "",
    expiresAt: 0,
    touchedAt: 0,
    send: (frame) => void sent.push(frame),
    isBusy: () => isBusy,
    close: () => expect.fail("the socket was closed"),
    tend: () => {},
  };
  const handler = channels.open({ id: ID, segment: SEGMENT });
  return {
    channels,
    connection,
    handler,
    sent,
    failures,
    setBusy: (value: boolean) => void (isBusy = value),
    failReads: (count: number) => void (failingReads = count),
    append: async (text: string) => {
      entries.push(encodeEntry([1, "message", text, "author", 0, text, null]));
      channels.changed(ID);
      await settle();
    },
  };
};

test("[SY28] retries at the next tick when a drained reader could not catch up", async () => {
  const { channels, connection, handler, sent, failures, ...scene } = createScene();
  handler.onOpen(connection);
  await handler.onMessage(connection, { type: "step-one", stateVector: Uint8Array.of(0) });
  await settle();
  scene.setBusy(true);
  await scene.append("while it was busy");
  const before = sent.length;

  scene.setBusy(false);
  scene.failReads(1);
  handler.onDrain(connection);
  await settle();
  expect([failures.length, sent.length]).toEqual([1, before]);
  channels.tick();
  await settle();

  expect(sent.slice(before).map((frame) => frame.includes("while it was busy"))).toEqual([true]);
});
