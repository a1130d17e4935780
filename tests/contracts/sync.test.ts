import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { openDatabase, StorageError } from "@edvoyage/db";
import {
  BEARER_SUBPROTOCOL_PREFIX,
  CLOSE_CODES,
  defaultLimits,
  EVENTS_ROOT,
  MESSAGE_TYPES,
  roomDocumentName,
  SYNC_SUBPROTOCOL,
  type LimitName,
  type LogId,
  type SessionId,
  type UserId,
} from "@edvoyage/protocol";
import {
  createLogger,
  createRoomLogs,
  createNewId,
  createSync,
  sha256,
  systemRandom,
} from "@edvoyage/server/app";
import { createDecoder, readVarUint } from "lib0/decoding";
import { createEncoder, toUint8Array, writeVarString, writeVarUint, writeVarUint8Array } from "lib0/encoding";
import { describe, expect, onTestFinished, test } from "vitest";
import type { WebSocket } from "ws";
import * as Y from "yjs";
import { DIALECTS, serverDatabase, type TestDialect } from "../support/databases/databases.ts";
import { createFakeClock } from "../support/fakes/fake-clock.ts";
import { connectRaw, connectStock, until, untilWithin } from "../support/network/sync-client.ts";

/** A key whose lookup in the database never ends. */
const NEVER_ANSWERED = "never-answered";

/** Serves a log on real sockets. The test decides who is signed in and who may read: sync knows neither. */
const createScene = async (dialect: TestDialect, changed: Partial<Record<LimitName, number>> = {}) => {
  const clock = createFakeClock();
  const limits = { ...defaultLimits, ...changed };
  const database = await openDatabase(await serverDatabase(dialect));
  const logs = createRoomLogs({
    read: database.read,
    limits,
    newId: createNewId(systemRandom),
    random: systemRandom,
  });
  const id = randomUUID() as LogId;
  await database.write((tx) => logs.create(tx, id, clock.now()));
  const userByKeyHash = new Map<string, UserId>();
  const firstSegmentByUser = new Map<UserId, number>();
  const former = new Set<UserId>();
  const failures: unknown[] = [];
  let failingReads = 0;
  const sync = createSync({
    hiddenFrom: async () => [],
    authenticate: async (keyHash) => {
      if (keyHash === sha256(NEVER_ANSWERED)) return new Promise(() => {});
      const userId = userByKeyHash.get(keyHash) ?? expect.fail("an unknown key");
      const session = {
        id: keyHash as SessionId,
        deviceName: null,
        platform: "other" as const,
        appVersion: null,
        createdAt: 0,
        lastSeenAt: 0,
        expiresAt: clock.now() + 24 * 3_600_000,
      };
      return { session, user: { id: userId, phone: "+910000000000", createdAt: 0 } };
    },
    logs: {
      ...logs,
      read: async (...from) => {
        failingReads -= 1;
        if (failingReads >= 0) throw new StorageError("unavailable", "The database cannot be reached");
        return logs.read(...from);
      },
    },
    access: {
      firstReadableSegment: async (_id, userId) => firstSegmentByUser.get(userId),
      formerReaders: async () => [...former],
      readers: async () => [...firstSegmentByUser.keys()],
    },
    documents: {
      read: async () => expect.fail("no document is read here"),
      apply: async () => expect.fail("no document is written here"),
    },
    isAllowedOrigin: (origin) => origin === "http://localhost:8081",
    addressOf: () => "127.0.0.1",
    clock,
    random: systemRandom,
    limits,
    log: createLogger("error"),
    background: (task) => void task.catch((error: unknown) => failures.push(error)),
    metrics: {
      socketClosed: () => {},
      framesDelivered: () => {},
      entriesDelivered: () => {},
      lagged: () => {},
    },
    hasOtherWriters: false,
  });
  const http = createServer();
  sync.attach(http);
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  onTestFinished(async () => {
    await sync.close();
    http.close();
    await database.close();
    expect(failures).toEqual([]);
  });
  /**
   * Makes this many reads of rows fail, as in an outage. Returns a function that returns the reported failures and
   * clears them.
   */
  const failReads = (reads: number) => {
    failingReads = reads;
    return () => failures.splice(0);
  };
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const append = async (...texts: readonly string[]) => {
    await database.write(async (tx) => {
      for (const text of texts) {
        const entryId = randomUUID();
        await logs.append(tx, id, {
          id: entryId,
          kind: "message",
          event: [1, "message", entryId, "author", clock.now(), text, null],
          authorId: null,
          subjectId: null,
          at: clock.now(),
        });
      }
    });
    sync.hints.logChanged(id);
  };
  const redact = async (segment: number, index: number) => {
    await database.write((tx) => logs.redact(tx, id, { places: [{ segment, index }], now: clock.now() }));
    sync.hints.logChanged(id);
  };
  /** Creates a student who can read the log from a segment on, or not at all with `null`. */
  const student = (firstSegment: number | null = 0) => {
    const [token, userId] = [randomUUID(), randomUUID() as UserId];
    userByKeyHash.set(sha256(token), userId);
    if (firstSegment !== null) firstSegmentByUser.set(userId, firstSegment);
    return { url, token, userId };
  };
  const name = (segment = 0): string => roomDocumentName(id, segment);
  /** Returns all bytes of a segment, as a new reader gets them. */
  const bytesOf = async (segment = 0) => {
    const { stretch } = await logs.read(id, segment, { length: 0, redactionRevision: undefined });
    return JSON.stringify(stretch);
  };
  return {
    clock,
    database,
    logs,
    id,
    sync,
    former,
    firstSegmentByUser,
    append,
    redact,
    failReads,
    student,
    name,
    bytesOf,
  };
};

const STEP_ONE_OF_NOTHING = [0, 0, 1, 0];

describe.each(DIALECTS)("a log on the sockets, on %s", (dialect) => {
  test("[SY1] [SY19] [SY25] two y-websocket clients see the same array, receive new events, and lose redacted ones", async () => {
    const scene = await createScene(dialect);
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
    const scene = await createScene(dialect);
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
    const scene = await createScene(dialect);
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
    const scene = await createScene(dialect, { segmentEvents: 3 });
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
    ["a room of which one is not a member", (scene: Scene) => [scene.student(null), scene.name()] as const],
    ["a segment before one's first", (scene: Scene) => [scene.student(1), scene.name(0)] as const],
    ["a segment that does not exist", (scene: Scene) => [scene.student(), scene.name(1)] as const],
    ["a malformed document name", (scene: Scene) => [scene.student(), "room/../user"] as const],
    ["another student's user document", (scene: Scene) => [scene.student(), `user/${randomUUID()}`] as const],
  ])("[SY3] [SY14] closes permanently with 4403 for %s", async (_case, target) => {
    const scene = await createScene(dialect);
    const [student, name] = target(scene);

    const client = connectStock(student, name);

    expect(await client.closed()).toBe(CLOSE_CODES.forbidden);
    expect(client.provider.shouldConnect).toBe(false);
  });

  test("[SY3] [SY4] closes with 4401 without a key, and with 4403 for a page of another origin", async () => {
    const scene = await createScene(dialect);
    const student = scene.student();

    const nobody = await connectRaw({ url: student.url }, scene.name());
    const page = await connectRaw(student, scene.name(), { origin: "https://evil.example" });
    const ours = await connectRaw(student, scene.name(), { origin: "http://localhost:8081" });
    ours.send(...STEP_ONE_OF_NOTHING);
    await until(() => ours.received.length > 0);

    expect(await nobody.closed).toBe(CLOSE_CODES.noSession);
    expect(await page.closed).toBe(CLOSE_CODES.forbidden);
  });

  test("[SY1] answers 404 to an upgrade of any other path, and survives peers that reset it", async () => {
    const scene = await createScene(dialect);
    const { url, token } = scene.student();
    const upgrade =
      "GET /elsewhere HTTP/1.1\r\nhost: test\r\nupgrade: websocket\r\nconnection: Upgrade\r\n" +
      "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    const port = Number(new URL(url).port);

    for (let time = 0; time < 20; time += 1) {
      const resetting = connect({ port, host: "127.0.0.1" });
      await once(resetting, "connect");
      resetting.write(upgrade);
      setImmediate(() => resetting.resetAndDestroy());
      await once(resetting, "close");
    }
    const patient = connect({ port, host: "127.0.0.1" });
    patient.write(upgrade);
    const [answer] = await once(patient, "data");
    await once(patient, "close");

    expect(String(answer)).toContain("404");
    await connectRaw({ url, token }, scene.name());
  });

  test("[SY47] a copy that is ahead of the rows is told to reset itself, and refused if it does not", async () => {
    const scene = await createScene(dialect);
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
    const scene = await createScene(dialect);
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
    const scene = await createScene(dialect);
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

  test("[SY12] the end of a session closes its sockets", async () => {
    const scene = await createScene(dialect);
    const student = scene.student();
    const client = connectStock(student, scene.name());
    await client.synced();

    scene.sync.sessionEnded(sha256(student.token) as SessionId);

    expect(await client.closed()).toBe(CLOSE_CODES.noSession);
  });

  test("[SY2] the server confirms its own subprotocol and never sends the key back", async () => {
    const scene = await createScene(dialect);
    const student = scene.student();

    const raw = await connectRaw(student, scene.name(), {
      protocols: [`${BEARER_SUBPROTOCOL_PREFIX}${student.token}`, SYNC_SUBPROTOCOL],
    });

    expect(raw.socket.protocol).toBe(SYNC_SUBPROTOCOL);
  });

  test("[SY46] a shutdown closes with 1012, so that y-websocket reconnects", async () => {
    const scene = await createScene(dialect);
    const raw = await connectRaw(scene.student(), scene.name());

    await scene.sync.close();

    expect(await raw.closed).toBe(CLOSE_CODES.restarting);
  });

  test("[SY37] a barrier is answered after everything that was sent before it", async () => {
    const scene = await createScene(dialect);
    await scene.append("a");
    const raw = await connectRaw(scene.student(), scene.name());

    raw.send(...STEP_ONE_OF_NOTHING);
    raw.send(MESSAGE_TYPES.barrier, 3, Buffer.from("abc"));
    await until(() => raw.received.length === 2);

    expect(raw.received[0]?.subarray(0, 2)).toEqual(Buffer.of(0, 1));
    expect(raw.received[1]).toEqual(Buffer.concat([Buffer.of(MESSAGE_TYPES.barrier, 3), Buffer.from("abc")]));
  });

  test("[SY27] rows that could not be read when they were new are sent once they can be read", async () => {
    const scene = await createScene(dialect);
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

  test("[SY9] a quiet socket receives something every 20 seconds", async () => {
    const scene = await createScene(dialect);
    const raw = await connectRaw(scene.student(), scene.name());
    raw.send(...STEP_ONE_OF_NOTHING);
    await until(() => raw.received.length === 1);

    scene.clock.advance({ seconds: 19 });
    scene.clock.advance({ seconds: 2 });
    await until(() => raw.received.length === 2);

    expect(raw.received[1]).toEqual(Buffer.of(MESSAGE_TYPES.awareness, 1, 0));
  });

  test.each([
    ["an unknown type", [99, 0], CLOSE_CODES.malformed],
    ["a byte too many", [...STEP_ONE_OF_NOTHING, 0], CLOSE_CODES.malformed],
    ["a length past the end", [0, 0, 200, 1], CLOSE_CODES.malformed],
    ["nothing at all", [], CLOSE_CODES.malformed],
    [
      "a state vector that announces 2^28 entries",
      [0, 0, 5, 0x80, 0x80, 0x80, 0x80, 1],
      CLOSE_CODES.malformed,
    ],
    ["a barrier of 65 bytes", [102, 65, ...Array.from({ length: 65 }, () => 0)], CLOSE_CODES.malformed],
    ["awareness that cannot be parsed", [1, 3, 1, 1, 200], CLOSE_CODES.malformed],
  ])("[SY7] %s closes the socket", async (_case, bytes, code) => {
    const scene = await createScene(dialect);
    const raw = await connectRaw(scene.student(), scene.name());

    raw.send(Buffer.from(bytes));

    expect(await raw.closed).toBe(code);
  });

  test("[SY7] [SY8] a frame that is too large, a text frame, and too many frames close the socket", async () => {
    const scene = await createScene(dialect, { frameBytes: 1_000 });
    const [large, text, fast] = [
      await connectRaw(scene.student(), scene.name()),
      await connectRaw(scene.student(), scene.name()),
      await connectRaw(scene.student(), scene.name()),
    ];

    large.send(Buffer.alloc(1_001));
    text.socket.send("hello");
    for (let frame = 0; frame <= defaultLimits.frameBurst; frame += 1)
      fast.send(MESSAGE_TYPES.queryAwareness);

    expect(await large.closed).toBe(CLOSE_CODES.tooLarge);
    expect(await text.closed).toBe(CLOSE_CODES.malformed);
    expect(await fast.closed).toBe(CLOSE_CODES.tooFast);
  });

  test("[SY8] a socket gets 50 new frames a second, and 5 sync requests", async () => {
    const scene = await createScene(dialect);
    const [frames, requests] = [
      await connectRaw(scene.student(), scene.name()),
      await connectRaw(scene.student(), scene.name()),
    ];
    const sendFrames = async (count: number) => {
      for (let frame = 1; frame < count; frame += 1) frames.send(MESSAGE_TYPES.queryAwareness);
      const before = frames.received.length;
      frames.send(MESSAGE_TYPES.barrier, 1, 1);
      await until(() => frames.received.length > before);
    };
    const sendRequests = async (count: number) => {
      const before = requests.received.length;
      for (let request = 0; request < count; request += 1) requests.send(...STEP_ONE_OF_NOTHING);
      await until(() => requests.received.length === before + count);
    };

    await sendFrames(defaultLimits.frameBurst);
    await sendRequests(5);
    scene.clock.advance({ seconds: 1 });
    await sendFrames(50);
    await sendRequests(5);
    frames.send(MESSAGE_TYPES.queryAwareness);
    requests.send(...STEP_ONE_OF_NOTHING);

    expect(await frames.closed).toBe(CLOSE_CODES.tooFast);
    expect(await requests.closed).toBe(CLOSE_CODES.tooFast);
  });

  test("[SY10] a client that sends nothing for 75 seconds, not even a pong, is dropped", async () => {
    const scene = await createScene(dialect);
    const silent = await connectRaw(scene.student(), scene.name());
    silent.send(...STEP_ONE_OF_NOTHING);
    await until(() => silent.received.length > 0);
    // It reads no ping, so it answers none.
    silent.socket.pause();

    scene.clock.advance({ seconds: 75 });
    const openAt75 = scene.sync.countSockets();
    scene.clock.advance({ seconds: 1 });
    await until(() => scene.sync.countSockets() === 0);

    expect(openAt75).toBe(1);
  });

  test("[SY26] [SY41] a state vector of 65 entries and a presence state of 1,025 bytes close the socket", async () => {
    const scene = await createScene(dialect);
    const sendVector = async (entries: number) => {
      const raw = await connectRaw(scene.student(), scene.name());
      const clocks = Array.from({ length: entries }, (_, index) => [index + 1, 1] as const);
      sendFrame(raw, [MESSAGE_TYPES.sync, 0], Y.encodeStateVector(new Map(clocks) as never));
      return raw;
    };
    const sendPresence = async (stateBytes: number) => {
      const raw = await connectRaw(scene.student(), scene.name());
      const json = JSON.stringify({ mood: "x".repeat(stateBytes - 11) });
      expect(json).toHaveLength(stateBytes);
      const update = createEncoder();
      for (const number of [1, 200, 1]) writeVarUint(update, number);
      writeVarString(update, json);
      sendFrame(raw, [MESSAGE_TYPES.awareness], toUint8Array(update));
      raw.send(MESSAGE_TYPES.barrier, 1, 1);
      return raw;
    };

    const accepted = [await sendVector(64), await sendPresence(1_024)];
    const refused = [await sendVector(65), await sendPresence(1_025)];

    await until(() => accepted.every(({ received }) => received.length > 0));
    for (const { closed } of refused) expect(await closed).toBe(CLOSE_CODES.tooLarge);
  });

  test("[SY7] a frame in 65 fragments closes the socket; one in 64 fragments is accepted", async () => {
    const scene = await createScene(dialect);
    const sendFragments = (raw: Awaited<ReturnType<typeof connectRaw>>, count: number) => {
      for (let part = 0; part < count; part += 1)
        raw.socket.send(Buffer.from(part < 4 ? [STEP_ONE_OF_NOTHING[part] ?? 0] : []), {
          fin: part === count - 1,
        });
    };
    const [whole, shredded] = [
      await connectRaw(scene.student(), scene.name()),
      await connectRaw(scene.student(), scene.name()),
    ];

    sendFragments(whole, defaultLimits.frameFragments);
    sendFragments(shredded, defaultLimits.frameFragments + 1);

    await until(() => whole.received.length > 0);
    expect(await shredded.closed).toBeGreaterThan(1000);
  });

  test("[SY5] a handshake that takes too long is told to retry, and so are too many handshakes of one address", async () => {
    const scene = await createScene(dialect, { handshakeMs: 300, socketsPerIpBeforeSignIn: 2 });
    const { url } = scene.student();
    const slow = { url, token: NEVER_ANSWERED };

    const [first, second] = [await connectRaw(slow, scene.name()), await connectRaw(slow, scene.name())];
    const third = await connectRaw(slow, scene.name());
    let openAfterThird = 0;
    const codes = await Promise.all([
      third.closed.then((code) => {
        openAfterThird = [first, second].filter(({ socket }) => socket.readyState === socket.OPEN).length;
        return code;
      }),
      first.closed,
      second.closed,
    ]);

    expect(codes).toEqual([CLOSE_CODES.overloaded, CLOSE_CODES.overloaded, CLOSE_CODES.overloaded]);
    expect(openAfterThird).toBe(2);
  });

  test("[SY6] sockets past the limit of a session are refused when it opens many at once, and the others stay open", async () => {
    const scene = await createScene(dialect, { socketsPerSession: 2 });
    const student = scene.student();

    const opened = await Promise.all(Array.from({ length: 5 }, () => connectRaw(student, scene.name())));
    const codes: number[] = [];
    for (const { closed } of opened) void closed.then((code) => codes.push(code));
    await until(() => codes.length === 3);

    expect(codes).toEqual([CLOSE_CODES.tooFast, CLOSE_CODES.tooFast, CLOSE_CODES.tooFast]);
    expect(opened.filter(({ socket }) => socket.readyState === socket.OPEN)).toHaveLength(2);
  });

  test("[SY11] [SY28] a reader that pauses blocks nobody, catches up from the rows, and is cut off if it never reads", async () => {
    const scene = await createScene(dialect, { segmentEvents: 100_000, segmentBytes: 1e9 });
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
    scene.clock.advance({ seconds: 31 });
    await until(() => scene.sync.countSockets() === 2);

    expect(pausing.texts()).toEqual(texts);
  });

  test("[SY25] [SY28] a reader that pauses is never sent a message that was removed meanwhile, and drops one that it was already sent", async () => {
    const scene = await createScene(dialect, { segmentEvents: 100_000, segmentBytes: 1e9 });
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
    ["reads nothing for 30 seconds", {}, { seconds: 31 }],
    ["leaves more unread than the limit", { sendBufferBytes: 100_000 }, undefined],
  ])("[SY11] a client that %s is told that it was too slow", async (_case, limits, pause) => {
    const scene = await createScene(dialect, { segmentEvents: 100_000, segmentBytes: 1e9, ...limits });
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

/** Sends a message of these types, whose body has its length in front. */
const sendFrame = (
  raw: Awaited<ReturnType<typeof connectRaw>>,
  types: readonly number[],
  body: Uint8Array,
): void => {
  const message = createEncoder();
  for (const type of types) writeVarUint(message, type);
  writeVarUint8Array(message, body);
  raw.send(toUint8Array(message));
};

type Scene = Awaited<ReturnType<typeof createScene>>;

describe("presence", () => {
  const statesSeenBy = (client: ReturnType<typeof connectStock>) =>
    [...client.provider.awareness.getStates().values()] as {
      user?: { id: string };
      typing?: boolean;
      mood?: string;
    }[];

  test("[SY40] has the identity that the server knows, whatever the client claims", async () => {
    const scene = await createScene("sqlite");
    const [ada, bo] = [scene.student(), scene.student()];
    const [one, other] = [connectStock(ada, scene.name()), connectStock(bo, scene.name())];
    await Promise.all([one.synced(), other.synced()]);

    one.provider.awareness.setLocalState({ typing: true, user: { id: bo.userId, name: "somebody else" } });
    await untilWithin({ clock: scene.clock, within: { seconds: 1 } }, () =>
      statesSeenBy(other).some(({ typing }) => typing),
    );

    expect(statesSeenBy(other).find(({ typing }) => typing)?.user).toEqual({ id: ada.userId });
    one.provider.destroy();
    await untilWithin(
      { clock: scene.clock, within: { seconds: 1 } },
      () => !statesSeenBy(other).some(({ typing }) => typing),
    );
  });

  test("[SY40] cannot be set for another client, nor taken over from one", async () => {
    const scene = await createScene("sqlite");
    const [one, other] = [
      connectStock(scene.student(), scene.name()),
      connectStock(scene.student(), scene.name()),
    ];
    await Promise.all([one.synced(), other.synced()]);
    one.provider.awareness.setLocalState({ mood: "calm" });
    await untilWithin({ clock: scene.clock, within: { seconds: 1 } }, () =>
      statesSeenBy(other).some(({ mood }) => mood === "calm"),
    );
    const seenId =
      [...other.provider.awareness.getStates().keys()].find((id) => id !== other.doc.clientID) ?? 0;

    const rogue = await connectRaw(scene.student(), scene.name());
    const json = Buffer.from(JSON.stringify({ mood: "hijacked" }));
    const varint = (value: number): number[] =>
      value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))];
    const entry = Buffer.from([1, ...varint(seenId), 200, 1, json.length, ...json]);
    rogue.send(...STEP_ONE_OF_NOTHING);
    rogue.send(1, Buffer.from(varint(entry.length)), entry);
    rogue.send(MESSAGE_TYPES.barrier, 1, 1);
    await until(() => rogue.received.some((frame) => frame[0] === MESSAGE_TYPES.barrier));
    scene.clock.advance({ ms: 400 });

    expect(other.provider.awareness.getStates().get(seenId)).toMatchObject({ mood: "calm" });
  });

  test("[SY41] 200 clients that arrive at once cause at most ten frames each", async () => {
    const scene = await createScene("sqlite");
    const clients = await Promise.all(
      Array.from({ length: 200 }, () => connectRaw(scene.student(), scene.name())),
    );
    for (const client of clients) client.send(...STEP_ONE_OF_NOTHING);
    await until(() => clients.every(({ received }) => received.length >= 1));

    for (const [index, client] of clients.entries()) {
      const json = Buffer.from(JSON.stringify({ name: `student ${index}` }));
      const entry = Buffer.from([1, 200, 1, 1, json.length, ...json]);
      client.send(1, entry.length, entry);
      client.send(MESSAGE_TYPES.barrier, 1, 1);
    }
    const isBarrier = (frame: Buffer): boolean => readVarUint(createDecoder(frame)) === MESSAGE_TYPES.barrier;
    await until(() => clients.every(({ received }) => received.some(isBarrier)));
    scene.clock.advance({ ms: 200 });
    await until(() => clients.every(({ received }) => received.at(-1)?.[0] === MESSAGE_TYPES.awareness));

    const frames = clients.flatMap(({ received }) =>
      received.filter((frame) => frame[0] === MESSAGE_TYPES.awareness),
    );
    expect(frames.length).toBeLessThanOrEqual(2_000);
    expect(frames.length).toBeGreaterThanOrEqual(200);
  });
});
