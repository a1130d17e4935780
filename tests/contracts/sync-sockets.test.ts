import { once } from "node:events";
import { connect } from "node:net";
import {
  BEARER_SUBPROTOCOL_PREFIX,
  CLOSE_CODES,
  defaultLimits,
  MESSAGE_TYPES,
  SYNC_SUBPROTOCOL,
  type SessionId,
} from "@edvoyage/protocol";
import { sha256 } from "@edvoyage/server/app";
import { createEncoder, toUint8Array, writeVarString, writeVarUint } from "lib0/encoding";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import { DIALECTS } from "../support/databases/databases.ts";
import { connectRaw, connectStock, until } from "../support/network/sync-client.ts";
import {
  NEVER_ANSWERED,
  createSyncScene,
  STEP_ONE_OF_NOTHING,
  sendFrame,
} from "../support/servers/sync-scene.ts";

/** Lets 75 seconds pass, and one more, after which every socket has to be dropped. Returns how many were open before that. */
const openAfter75Seconds = async ({
  clock,
  sync,
}: Awaited<ReturnType<typeof createSyncScene>>): Promise<number> => {
  clock.advance({ seconds: 75 });
  const open = sync.countSockets();
  clock.advance({ seconds: 1 });
  await until(() => sync.countSockets() === 0);
  return open;
};

describe.each(DIALECTS)("a log on the sockets, on %s", (dialect) => {
  test("[SY3] [SY4] closes with 4401 without a key, and with 4403 for a page of another origin", async () => {
    const scene = await createSyncScene(dialect);
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
    const scene = await createSyncScene(dialect);
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

  test("[SY12] the end of a session closes its sockets", async () => {
    const scene = await createSyncScene(dialect);
    const student = scene.student();
    const client = connectStock(student, scene.name());
    await client.synced();

    scene.sync.sessionEnded(sha256(student.token) as SessionId);

    expect(await client.closed()).toBe(CLOSE_CODES.noSession);
  });

  test("[SY2] the server confirms its own subprotocol and never sends the key back", async () => {
    const scene = await createSyncScene(dialect);
    const student = scene.student();

    const raw = await connectRaw(student, scene.name(), {
      protocols: [`${BEARER_SUBPROTOCOL_PREFIX}${student.token}`, SYNC_SUBPROTOCOL],
    });

    expect(raw.socket.protocol).toBe(SYNC_SUBPROTOCOL);
  });

  test("[SY46] a shutdown closes with 1012, so that y-websocket reconnects", async () => {
    const scene = await createSyncScene(dialect);
    const raw = await connectRaw(scene.student(), scene.name());

    await scene.sync.close();

    expect(await raw.closed).toBe(CLOSE_CODES.restarting);
  });

  test("[SY9] a quiet socket receives something every 20 seconds", async () => {
    const scene = await createSyncScene(dialect);
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
    const scene = await createSyncScene(dialect);
    const raw = await connectRaw(scene.student(), scene.name());

    raw.send(Buffer.from(bytes));

    expect(await raw.closed).toBe(code);
  });

  test("[SY7] [SY8] a frame that is too large, a text frame, and too many frames close the socket", async () => {
    const scene = await createSyncScene(dialect, { frameBytes: 1_000 });
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
    const scene = await createSyncScene(dialect);
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

  test("[SY10] [SY11] a client that needs minutes to read a large frame is not dropped meanwhile", async () => {
    const scene = await createSyncScene(dialect, { segmentBytes: 1e9 });
    await scene.append("x".repeat(400_000));
    const slow = await connectRaw(scene.student(), scene.name());
    slow.send(...STEP_ONE_OF_NOTHING);
    await until(() => slow.received.length > 0);
    slow.socket.pause();
    const openAfter: number[] = [];

    // It answers no ping: 400 kB take 100 s at 4 kB/s, besides the 75 s of a client that has nothing to read.
    for (const seconds of [76, 98]) {
      scene.clock.advance({ seconds });
      await new Promise((resolve) => setImmediate(resolve));
      openAfter.push(scene.sync.countSockets());
    }
    scene.clock.advance({ seconds: 10 });
    await until(() => scene.sync.countSockets() === 0);

    expect(openAfter).toEqual([1, 1]);
  });

  test("[SY10] a client that has answered a ping is waited for as if it had nothing to read", async () => {
    const scene = await createSyncScene(dialect, { segmentBytes: 1e9 });
    await scene.append("x".repeat(400_000));
    const silent = await connectRaw(scene.student(), scene.name());
    silent.send(...STEP_ONE_OF_NOTHING);
    await until(() => silent.received.length > 0);
    const pinged = once(silent.socket, "ping");
    scene.clock.advance({ seconds: 25 });
    await pinged;
    const before = silent.received.length;
    silent.send(MESSAGE_TYPES.barrier, 1, 7);
    await until(() => silent.received.length > before);
    silent.socket.pause();

    expect(await openAfter75Seconds(scene)).toBe(1);
  });

  test("[SY10] a client that sends nothing for 75 seconds, not even a pong, is dropped", async () => {
    const scene = await createSyncScene(dialect);
    const silent = await connectRaw(scene.student(), scene.name());
    silent.send(...STEP_ONE_OF_NOTHING);
    await until(() => silent.received.length > 0);
    // It reads no ping, so it answers none.
    silent.socket.pause();

    expect(await openAfter75Seconds(scene)).toBe(1);
  });

  test("[SY26] [SY41] a state vector of 65 entries and a presence state of 1,025 bytes close the socket", async () => {
    const scene = await createSyncScene(dialect);
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
    const scene = await createSyncScene(dialect);
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
    const scene = await createSyncScene(dialect, { handshakeMs: 300, socketsPerIpBeforeSignIn: 2 });
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
    const scene = await createSyncScene(dialect, { socketsPerSession: 2 });
    const student = scene.student();

    const opened = await Promise.all(Array.from({ length: 5 }, () => connectRaw(student, scene.name())));
    const codes: number[] = [];
    for (const { closed } of opened) void closed.then((code) => codes.push(code));
    await until(() => codes.length === 3);

    expect(codes).toEqual([CLOSE_CODES.tooFast, CLOSE_CODES.tooFast, CLOSE_CODES.tooFast]);
    expect(opened.filter(({ socket }) => socket.readyState === socket.OPEN)).toHaveLength(2);
  });
});
