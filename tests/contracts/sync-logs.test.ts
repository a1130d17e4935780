import { randomUUID } from "node:crypto";
import { CLOSE_CODES, EVENTS_ROOT, MESSAGE_TYPES, type SessionId } from "@edvoyage/protocol";
import { sha256 } from "@edvoyage/server/app";
import { createEncoder, toUint8Array, writeVarUint, writeVarUint8Array } from "lib0/encoding";
import { describe, expect, test } from "vitest";
import type { WebSocket } from "ws";
import * as Y from "yjs";
import { DIALECTS } from "../support/databases/databases.ts";
import { connectRaw, connectStock, until, untilWithin } from "../support/network/sync-client.ts";
import { createSyncScene, STEP_ONE_OF_NOTHING, type SyncScene } from "../support/servers/sync-scene.ts";

describe.each(DIALECTS)("a log on the sockets, on %s", (dialect) => {
  test("[SY1] [SY19] [SY25] two y-websocket clients see the same array, receive new events, and lose redacted ones", async () => {
    const scene = await createSyncScene(dialect);
    await scene.append("a", "b");
    const [one, other] = [
      connectStock(scene.student(), scene.name()),
      connectStock(scene.student(), scene.name()),
    ];
    await Promise.all([one.synced(), other.synced()]);

    await scene.append("c");
    await scene.redact(0, 1);
    await scene.append("d");
    await until(() => [one, other].every((client) => client.texts().join() === "a,c,d"));

    expect(one.events()).toEqual(other.events());
    expect(Buffer.from(Y.encodeStateAsUpdate(one.doc)).includes("b,")).toBe(false);
    expect(one.doc.store.pendingStructs).toBeNull();
  });

  test("[SY20] a client that was offline receives only what it missed", async () => {
    const scene = await createSyncScene(dialect);
    await scene.append("old".repeat(500));
    const student = scene.student();
    const client = connectStock(student, scene.name());
    await client.synced();
    client.provider.disconnect();
    await scene.append(...Array.from({ length: 100 }, (_, index) => `missed ${index}`));

    const raw = await connectRaw(student, scene.name());
    raw.send(0, 0, Buffer.of(Y.encodeStateVector(client.doc).length), Y.encodeStateVector(client.doc));
    await until(() => raw.received.length > 0);

    const sizes = raw.received.map(({ length }) => length);
    // An event is two UUIDs, a time and a few words.
    expect(sizes[0]).toBeLessThan(100 * 90);
    client.provider.connect();
    await until(() => client.texts().length === 101);
  });

  test("[SY18] a client's writes change no byte on the server, and nobody else sees them", async () => {
    const scene = await createSyncScene(dialect);
    await scene.append("a", "b");
    const before = await scene.bytesOf();
    const student = scene.student();
    const [rogue, witness] = [
      connectStock(student, scene.name()),
      connectStock(scene.student(), scene.name()),
    ];
    await Promise.all([rogue.synced(), witness.synced()]);
    const updates: Uint8Array[] = [];
    rogue.doc.on("update", (update: Uint8Array) => updates.push(update));

    rogue.doc.getArray(EVENTS_ROOT).push([[1, "message", randomUUID(), "forged", 0, "lies", null]]);
    rogue.doc.getArray(EVENTS_ROOT).delete(0, 1);
    // Each of its updates and its whole state: as an update, and as an answer to sync step 1.
    const raw = await connectRaw(student, scene.name());
    for (const step of [1, 2]) {
      for (const update of [...updates, Y.encodeStateAsUpdate(rogue.doc)]) {
        const message = createEncoder();
        writeVarUint(message, MESSAGE_TYPES.sync);
        writeVarUint(message, step);
        writeVarUint8Array(message, update);
        raw.send(toUint8Array(message));
      }
    }
    raw.send(MESSAGE_TYPES.barrier, 1, 1);
    await until(() => raw.received.length === 1);

    expect(updates).toHaveLength(2);
    expect(await scene.bytesOf()).toBe(before);
    expect(witness.texts()).toEqual(["a", "b"]);
    const newReader = connectStock(scene.student(), scene.name());
    await newReader.synced();
    expect(newReader.texts()).toEqual(["a", "b"]);
  });

  test("[SY22] a full segment points its readers to the next segment, which exists", async () => {
    const scene = await createSyncScene(dialect, { segmentEvents: 3 });
    const client = connectStock(scene.student(), scene.name());
    await client.synced();

    await scene.append("a", "b", "c");
    await until(() => client.events().length === 3);

    expect(client.events().at(-1)).toEqual([1, "next", 1]);
    const next = connectStock(scene.student(), scene.name(1));
    await next.synced();
    expect(next.texts()).toEqual(["c"]);
  });

  test.each([
    [
      "a room of which one is not a member",
      (scene: SyncScene) => [scene.student(null), scene.name()] as const,
    ],
    ["a segment before one's first", (scene: SyncScene) => [scene.student(1), scene.name(0)] as const],
    ["a segment that does not exist", (scene: SyncScene) => [scene.student(), scene.name(1)] as const],
    ["a malformed document name", (scene: SyncScene) => [scene.student(), "room/../user"] as const],
    [
      "another student's user document",
      (scene: SyncScene) => [scene.student(), `user/${randomUUID()}`] as const,
    ],
  ])("[SY3] [SY14] closes permanently with 4403 for %s", async (_case, target) => {
    const scene = await createSyncScene(dialect);
    const [student, name] = target(scene);

    const client = connectStock(student, name);

    expect(await client.closed()).toBe(CLOSE_CODES.forbidden);
    expect(client.provider.shouldConnect).toBe(false);
  });

  test("[SY47] a copy that is ahead of the rows is told to reset itself, and refused if it does not", async () => {
    const scene = await createSyncScene(dialect);
    await scene.append("a");
    const student = scene.student();
    const { writerId } = (await scene.logs.segment(scene.id, 0)) ?? expect.fail();
    const ahead = Y.encodeStateVector(new Map([[writerId, 5]]) as never);

    const codes: number[] = [];
    for (let time = 0; time < 3; time += 1) {
      const raw = await connectRaw(student, scene.name());
      raw.send(0, 0, ahead.length, ahead);
      codes.push(await raw.closed);
    }

    expect(codes).toEqual([CLOSE_CODES.forked, CLOSE_CODES.forked, CLOSE_CODES.forbidden]);
  });

  test("[SY47] a copy of an earlier epoch is told to reset itself; an unknown client id is ignored", async () => {
    const scene = await createSyncScene(dialect);
    await scene.append("a");
    await scene.database.write((tx) =>
      tx.kysely
        .insertInto("log_former_writers")
        .values({ log_id: scene.id, segment: 0, epoch: 0, writer_id: 77 })
        .execute(),
    );
    const vector = (client: number) => Y.encodeStateVector(new Map([[client, 1]]) as never);

    const former = await connectRaw(scene.student(), scene.name());
    former.send(0, 0, vector(77).length, vector(77));
    const stranger = await connectRaw(scene.student(), scene.name());
    stranger.send(0, 0, vector(78).length, vector(78));
    await until(() => stranger.received.length > 0);

    expect(await former.closed).toBe(CLOSE_CODES.forked);
    expect(stranger.socket.readyState).toBe(stranger.socket.OPEN);
  });

  test("[SY15] a member who leaves gets no later row, and is disconnected", async () => {
    const scene = await createSyncScene(dialect);
    const [leaver, stayer] = [scene.student(), scene.student()];
    const clients = [connectStock(leaver, scene.name()), connectStock(stayer, scene.name())] as const;
    await Promise.all(clients.map((client) => client.synced()));

    // As on another node: rows and membership have changed, but the server only learns about the rows.
    scene.former.add(leaver.userId);
    scene.firstSegmentByUser.delete(leaver.userId);
    await scene.append("after");
    await until(() => clients[1].texts().includes("after"));

    expect(await clients[0].closed()).toBe(CLOSE_CODES.forbidden);
    expect(clients[0].texts()).toEqual([]);
  });

  test("[SY37] a barrier is answered after everything that was sent before it", async () => {
    const scene = await createSyncScene(dialect);
    await scene.append("a");
    const raw = await connectRaw(scene.student(), scene.name());

    raw.send(...STEP_ONE_OF_NOTHING);
    raw.send(MESSAGE_TYPES.barrier, 3, Buffer.from("abc"));
    await until(() => raw.received.length === 2);

    expect(raw.received[0]?.subarray(0, 2)).toEqual(Buffer.of(0, 1));
    expect(raw.received[1]).toEqual(Buffer.concat([Buffer.of(MESSAGE_TYPES.barrier, 3), Buffer.from("abc")]));
  });

  test("[SY27] rows that could not be read when they were new are sent once they can be read", async () => {
    const scene = await createSyncScene(dialect);
    const client = connectStock(scene.student(), scene.name());
    await client.synced();
    const reported = scene.failReads(1);

    await scene.append("during an outage");
    let faults: unknown[] = [];
    await until(() => (faults = [...faults, ...reported()]).length > 0);
    scene.clock.advance({ ms: 200 });
    await until(() => client.texts().includes("during an outage"));

    expect(faults).toHaveLength(1);
  });

  test("[SY11] [SY28] a reader that pauses blocks nobody, catches up from the rows, and is cut off if it never reads", async () => {
    const scene = await createSyncScene(dialect, { segmentEvents: 100_000, segmentBytes: 1e9 });
    const [pausing, never] = [
      connectStock(scene.student(), scene.name()),
      await connectRaw(scene.student(), scene.name()),
    ];
    const reader = connectStock(scene.student(), scene.name());
    await Promise.all([reader.synced(), pausing.synced()]);
    never.send(...STEP_ONE_OF_NOTHING);
    await until(() => never.received.length > 0);
    const socket = (pausing.provider.ws ?? expect.fail()) as unknown as { pause(): void; resume(): void };
    never.socket.pause();
    socket.pause();

    // The kernel buffers a few megabytes before anything is queued in the server.
    const texts = Array.from({ length: 60 }, (_, index) => `${index} ${"x".repeat(200_000)}`);
    for (const text of texts) {
      await scene.append(text);
      await until(() => reader.texts().at(-1) === text);
    }
    socket.resume();
    await until(() => pausing.texts().length === texts.length);
    const { clock } = scene;
    // The others answer the pings that are sent meanwhile.
    await untilWithin(
      { clock, within: { minutes: 5, seconds: 40 }, step: { seconds: 10 } },
      () => scene.sync.countSockets() === 2,
    );

    expect(pausing.texts()).toEqual(texts);
  });

  test("[SY25] [SY28] a reader that pauses is never sent a message that was removed meanwhile, and drops one that it was already sent", async () => {
    const scene = await createSyncScene(dialect, { segmentEvents: 100_000, segmentBytes: 1e9 });
    const [reader, pausing] = [
      connectStock(scene.student(), scene.name()),
      connectStock(scene.student(), scene.name()),
    ];
    await Promise.all([reader.synced(), pausing.synced()]);
    const socket = (pausing.provider.ws ?? expect.fail()) as unknown as WebSocket;
    const frames: Buffer[] = [];
    socket.on("message", (frame: ArrayBuffer) => void frames.push(Buffer.from(frame)));
    socket.pause();
    const startOf = (text: unknown): string => String(text).slice(0, 40);
    const places: string[] = [];
    const append = async (text: string): Promise<void> => {
      places.push(text);
      await scene.append(text);
      await until(() => reader.texts().at(-1) === text);
    };
    /** Fills the buffers of the kernel and of the server, which together are a few megabytes. */
    const fill = async (): Promise<string[]> => {
      const texts = Array.from({ length: 60 }, (_, index) => `filler ${index} ${"x".repeat(200_000)}`);
      for (const text of texts) await append(text);
      return texts;
    };
    const remove = async (text: string): Promise<void> => {
      await scene.redact(0, places.indexOf(text));
      await until(() => !reader.texts().includes(text));
    };

    await append("sent before its removal");
    const fillers = await fill();
    await append("removed while it waits");
    await append("kept");
    await remove("removed while it waits");
    await remove("sent before its removal");
    socket.resume();
    await until(() => pausing.texts().includes("kept"));
    await append("the end");
    await until(() => pausing.texts().at(-1) === "the end");

    // Still the same socket: a reader that was cut off and came back would prove nothing.
    expect(pausing.provider.ws === (socket as unknown)).toBe(true);
    const received = Buffer.concat(frames);
    expect(received.includes("sent before its removal")).toBe(true);
    expect(received.includes("removed while it waits")).toBe(false);
    expect(pausing.texts().map(startOf)).toEqual([...fillers, "kept", "the end"].map(startOf));
    expect(pausing.texts().map(startOf)).toEqual(reader.texts().map(startOf));
  });

  test.each([
    [
      "reads nothing for 30 seconds, and for the time that its bytes may take",
      {},
      { minutes: 5, seconds: 31 },
    ],
    ["leaves more unread than the limit", { sendBufferBytes: 100_000 }, undefined],
  ])("[SY11] a client that %s is told that it was too slow", async (_case, limits, pause) => {
    const scene = await createSyncScene(dialect, { segmentEvents: 100_000, segmentBytes: 1e9, ...limits });
    const student = scene.student();
    const [raw, reader] = [
      await connectRaw(student, scene.name()),
      await connectRaw(scene.student(), scene.name()),
    ];
    for (const { send } of [raw, reader]) send(...STEP_ONE_OF_NOTHING);
    await until(() => [raw, reader].every(({ received }) => received.length > 0));
    raw.socket.pause();
    const isOpen = () => scene.sync.hasOpen(sha256(student.token) as SessionId, scene.id);

    // The kernel buffers a few megabytes before anything is queued in the server.
    for (let entry = 0; entry < 60 && isOpen(); entry += 1) {
      const before = reader.received.length;
      await scene.append("x".repeat(200_000));
      await until(() => reader.received.length > before);
    }
    if (pause) scene.clock.advance(pause);
    const wasOpen = isOpen();
    raw.socket.resume();

    expect(wasOpen).toBe(false);
    expect(await raw.closed).toBe(CLOSE_CODES.tooSlow);
  });
});
