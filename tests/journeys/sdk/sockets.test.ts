import { createDoc, createSockets, systemRandomBytes, type Problem } from "@edvoyage/client-sdk/testing";
import { CLOSE_CODES, roomDocumentName, userDocumentName } from "@edvoyage/protocol";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { createApp } from "../../support/apps/app.ts";
import { roundTrips } from "../../support/network/round-trips.ts";
import { createSdkClock } from "../../support/fakes/sdk-clock.ts";
import { createStudent, openDirect } from "../../support/students/student.ts";
import { until, untilWithin } from "../../support/network/sync-client.ts";
import { createTunnel } from "../../support/network/tunnel.ts";
import { createWorld } from "../../support/servers/world.ts";

/** A device's sockets to a server, with a clock that stands still. */
const createPhone = (url: string, token: string) => {
  const clock = createSdkClock();
  const problems: Problem[] = [];
  const phone = { key: token, isOnline: true, noSessions: 0 };
  const sockets = createSockets({
    url,
    WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
    token: () => phone.key,
    canConnect: () => phone.isOnline,
    onNoSession: () => void (phone.noSessions += 1),
    clock,
    randomBytes: systemRandomBytes,
    report: (problem) => void problems.push(problem),
  });
  onTestFinished(sockets.close);
  const open = (name: string) => {
    const doc = createDoc(systemRandomBytes);
    const refusals: number[] = [];
    const socket = sockets.open(name, doc, { onRefused: (code) => void refusals.push(code) });
    return { doc, socket, refusals };
  };
  return { phone, sockets, clock, open, problems };
};

/** Longer than the delay after a first failure, and shorter than the connection timeout. */
const PAST_FIRST_RETRY = { seconds: 1 };

/** A server that accepts every connection and closes it with a code. */
const createRefusingServer = async (code: number) => {
  const server = new WebSocketServer({
    port: 0,
    host: "127.0.0.1",
    handleProtocols: ([first]) => first ?? false,
  });
  const seen = { connections: 0, keys: [] as string[] };
  server.on("connection", (socket, request) => {
    seen.connections += 1;
    seen.keys.push(String(request.headers["sec-websocket-protocol"]).split("bearer.")[1] ?? "");
    socket.close(code, "no");
  });
  await once(server, "listening");
  onTestFinished(() => server.close());
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("no port");
  return { url: `http://127.0.0.1:${address.port}`, seen };
};

test("documents are connected while a student is signed in, and report the state of their connection", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const { sockets, phone, open } = createPhone(world.url, student.token);
  phone.isOnline = false;
  const { socket } = open(userDocumentName(student.id));
  const before = sockets.state.value;

  phone.isOnline = true;
  sockets.wake();
  const meanwhile = sockets.state.value;
  await until(() => socket.isSynced);

  expect([before, meanwhile, sockets.state.value]).toEqual(["offline", "connecting", "online"]);
  sockets.close();
  expect(sockets.state.value).toBe("offline");
});

test("a device without presence of its own is not announced to others", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const name = userDocumentName(student.id);
  const [one, other] = [createPhone(world.url, student.token), createPhone(world.url, student.token)];
  const [own, remote] = [one.open(name), other.open(name)];
  await until(() => own.socket.isSynced && remote.socket.isSynced);

  own.socket.awareness.setLocalState({ typing: true });
  // The server sends presence by its own clock.
  await untilWithin(
    { clock: world.clock, within: { seconds: 1 } },
    () => remote.socket.awareness.getStates().size > 0,
  );

  expect(Array.from(remote.socket.awareness.getStates().values())).toEqual([
    { typing: true, user: { id: student.id } },
  ]);
  expect(own.socket.awareness.getStates().size).toBe(1);
});

test("[SY45] only one of many documents retries while the server is unreachable, and all connect once it succeeds", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const tunnel = await createTunnel(world.url);
  tunnel.setOpen(false);
  const { clock, open } = createPhone(tunnel.url, student.token);
  const opened = Array.from({ length: 10 }, () => open(userDocumentName(student.id)));
  await until(() => tunnel.attempts === 10);
  await roundTrips();

  clock.advance(PAST_FIRST_RETRY);
  await until(() => tunnel.attempts > 10);
  await roundTrips();
  const attemptsOfOneWait = tunnel.attempts - 10;
  tunnel.setOpen(true);
  clock.advance({ seconds: 2 });
  await until(() => opened.every(({ socket }) => socket.isSynced));

  expect(attemptsOfOneWait).toBe(1);
});

test("[SY45] a lost connection is reopened by the device's clock, with the current session key", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const tunnel = await createTunnel(world.url);
  const { phone, clock, sockets, open } = createPhone(tunnel.url, student.token);
  const { socket } = open(userDocumentName(student.id));
  await until(() => socket.isSynced);
  const { token } = await world.device({ phone: student.phone }).signIn();

  phone.key = token;
  tunnel.cut();
  await until(() => sockets.state.value === "offline");
  const { attempts } = tunnel;
  clock.advance(PAST_FIRST_RETRY);
  await until(() => socket.isSynced);
  await student.rpc.sessions.logout.mutate();

  expect(tunnel.attempts).toBe(attempts + 1);
  await roundTrips();
  expect(socket.isSynced).toBe(true);
});

test("[SY43] a rejected session key is not retried on waking, but a new one is", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const tunnel = await createTunnel(world.url);
  const { phone, sockets, open } = createPhone(tunnel.url, "x".repeat(43));
  const { socket, refusals } = open(userDocumentName(student.id));
  await until(() => phone.noSessions === 1);

  sockets.wake();
  await roundTrips();
  const attemptsWithTheOldKey = tunnel.attempts;
  phone.key = student.token;
  sockets.wake();
  await until(() => socket.isSynced);

  expect(attemptsWithTheOldKey).toBe(1);
  expect(phone.noSessions).toBe(1);
  expect(refusals).toEqual([]);
});

test("[SY43] a rejected session key is retried less and less often while the session is not known to have ended", async () => {
  const server = await createRefusingServer(CLOSE_CODES.noSession);
  const { phone, clock, open } = createPhone(server.url, "key");
  open("user/1");
  await until(() => phone.noSessions === 1);

  for (let minute = 0; minute < 10; minute += 1) {
    for (let tick = 0; tick < 60; tick += 1) {
      clock.advance({ seconds: 1 });
      await roundTrips(2);
    }
  }
  await roundTrips();
  const { connections } = server.seen;

  expect(phone.noSessions).toBe(connections);
  expect(connections).toBeGreaterThan(6);
  expect(connections).toBeLessThan(60);
});

test.each([CLOSE_CODES.forbidden, CLOSE_CODES.tooLarge, CLOSE_CODES.malformed, CLOSE_CODES.forked])(
  "[SY44] a document that is refused with %d is told so once, and not connected again",
  async (code) => {
    const server = await createRefusingServer(code);
    const { clock, sockets, open } = createPhone(server.url, "key");
    const { socket, refusals } = open("user/1");
    const barrier = socket.barrier();
    barrier.catch(() => {});
    await until(() => refusals.length > 0);

    clock.advance({ minutes: 2 });
    sockets.wake();
    await roundTrips();

    expect(refusals).toEqual([code]);
    expect(server.seen.connections).toBe(1);
    await expect(barrier).rejects.toMatchObject({ reason: "closed" });
  },
);

test.each([CLOSE_CODES.tooSlow, CLOSE_CODES.tooFast, CLOSE_CODES.restarting, CLOSE_CODES.overloaded, 1011])(
  "[SY45] a connection that the server closes with %d is retried less and less often",
  async (code) => {
    const server = await createRefusingServer(code);
    const { clock, open } = createPhone(server.url, "key");
    open("user/1");
    await until(() => server.seen.connections === 1);

    for (let minute = 0; minute < 10; minute += 1) {
      for (let tick = 0; tick < 60; tick += 1) {
        clock.advance({ seconds: 1 });
        await roundTrips(2);
      }
    }
    await roundTrips();

    // Full jitter up to a minute: about twenty connections in ten minutes.
    expect(server.seen.connections).toBeGreaterThan(6);
    expect(server.seen.connections).toBeLessThan(60);
  },
);

test("a phone that wakes up on a dead connection has a new one after 5 s, not 30", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const tunnel = await createTunnel(world.url);
  const { clock, sockets, open } = createPhone(tunnel.url, student.token);
  const { socket } = open(userDocumentName(student.id));
  await until(() => socket.isSynced);
  tunnel.freeze();

  sockets.wake();
  const saved = socket.barrier();
  await roundTrips();
  const { attempts } = tunnel;
  clock.advance({ seconds: 5 });
  await saved;

  expect(attempts).toBe(1);
  expect(tunnel.attempts).toBe(2);
});

test("a phone that wakes up on a live connection keeps it", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const tunnel = await createTunnel(world.url);
  const { clock, sockets, open } = createPhone(tunnel.url, student.token);
  const { socket } = open(userDocumentName(student.id));
  await until(() => socket.isSynced);

  sockets.wake();
  await socket.barrier();
  clock.advance({ seconds: 30 });
  await roundTrips();

  expect(tunnel.attempts).toBe(1);
  expect(socket.isSynced).toBe(true);
});

test("[SY57] a connection whose first sync never comes is replaced after five minutes, not earlier", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const tunnel = await createTunnel(world.url);
  tunnel.holdAnswers();
  const { clock, open } = createPhone(tunnel.url, student.token);
  const { socket } = open(userDocumentName(student.id));
  await until(() => tunnel.attempts === 1);
  await roundTrips();

  clock.advance({ minutes: 4, seconds: 50 });
  await roundTrips();
  const before = tunnel.attempts;
  clock.advance({ seconds: 10 });
  clock.advance(PAST_FIRST_RETRY);
  await until(() => tunnel.attempts === 2);
  tunnel.release();
  await until(() => socket.isSynced);

  expect(before).toBe(1);
});

test("[SY57] a room whose first sync never comes is replaced after 30 s, whatever arrives elsewhere", async () => {
  const world = await createWorld();
  const [ada, bo] = [await createStudent(world), await createStudent(world)];
  const roomId = await openDirect(ada, bo);
  const tunnel = await createTunnel(world.url);
  const { clock, open } = createPhone(tunnel.url, ada.token);
  const document = open(userDocumentName(ada.id)).socket;
  await until(() => document.isSynced);
  tunnel.holdAnswers();
  const room = open(roomDocumentName(roomId as never, 0)).socket;
  await until(() => tunnel.attempts === 2);
  await roundTrips();

  clock.advance({ seconds: 20 });
  await document.barrier();
  const before = tunnel.attempts;
  clock.advance({ seconds: 10 });
  tunnel.release();
  clock.advance(PAST_FIRST_RETRY);
  await until(() => room.isSynced);

  expect([before, tunnel.attempts]).toEqual([2, 3]);
});

test("a connection attempt times out after 10 s", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const tunnel = await createTunnel(world.url);
  const { clock, sockets, open } = createPhone(tunnel.url, student.token);
  tunnel.swallow();
  const { socket } = open(userDocumentName(student.id));
  await until(() => tunnel.attempts === 1);

  clock.advance({ seconds: 9 });
  const before = sockets.state.value;
  clock.advance({ seconds: 1 });
  const after = sockets.state.value;
  tunnel.setOpen(true);
  clock.advance(PAST_FIRST_RETRY);
  await until(() => socket.isSynced);

  expect([before, after]).toEqual(["connecting", "offline"]);
});

test.each([CLOSE_CODES.forbidden, CLOSE_CODES.tooLarge, CLOSE_CODES.malformed])(
  "[SY44] a room that is refused with %d although the inbox lists it is retried less and less often",
  async (code) => {
    const world = await createWorld();
    const [ada, bo] = [await createStudent(world), await createStudent(world)];
    const roomId = await openDirect(ada, bo);
    const server = await createRefusingServer(code);
    const problems: string[] = [];
    const app = await createApp(world, {
      WebSocket: class extends WebSocket {
        constructor(address: string, protocols?: string[]) {
          super(
            address.includes("/room/") ? address.replace(/\/\/[^/]+/, server.url.slice(5)) : address,
            protocols,
          );
        }
      },
      onProblem: ({ message }) => problems.push(message),
    });
    await app.signIn(ada.phone);
    const { chat } = app.client;
    await until(() => chat.rooms().length === 1 && app.client.sync.status.connection === "online");
    const stop = chat.room(roomId).watch(() => {});

    // The inbox reports changes of the room all the time.
    for (const text of ["one", "two", "three"]) {
      await bo.send(roomId, text);
      world.clock.advance({ seconds: 1 });
      await until(() => chat.rooms()[0]?.preview === text);
    }
    await roundTrips();
    const atOnce = server.seen.connections;
    for (let minute = 0; minute < 10; minute += 1) {
      for (let tick = 0; tick < 60; tick += 1) {
        app.clock.advance({ seconds: 1 });
        await roundTrips(2);
      }
    }
    stop();

    expect(atOnce).toBe(1);
    expect(server.seen.connections).toBeGreaterThan(6);
    expect(server.seen.connections).toBeLessThan(60);
    expect(problems.length).toBe(code === CLOSE_CODES.forbidden ? 0 : 1);
  },
);
