import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import {
  createLogger,
  createServer,
  parseConfig,
  prepareDataDir,
  systemClock,
  systemRandom,
} from "@edvoyage/server/app";
import { openDatabase, prepare } from "@edvoyage/db";
import { initTRPC } from "@trpc/server";
import { fastifyTRPCPlugin } from "@trpc/server/adapters/fastify";
import { fastify } from "fastify";
import { WebSocket, WebSocketServer } from "ws";

/** The servers that are compared, each in a separate process. */
export const SERVER_KINDS = [
  "node-hello",
  "fastify-hello",
  "trpc-hello",
  "edvoyage",
  "edvoyage-uncached",
  "two-writes",
  "edvoyage-chat",
  "edvoyage-one-segment",
  "edvoyage-social",
  "ws-relay",
  "hocuspocus",
] as const;
export type ServerKind = (typeof SERVER_KINDS)[number];

/** Raises all limits per student and per address, because one student here does the work of thousands. */
const CHAT_LIMITS = {
  writesPerSecond: 1_000_000_000,
  writeBurst: 1_000_000_000,
  messagesPerSecond: 1_000_000_000,
  messageBurst: 1_000_000_000,
  socketsPerSession: 1_000_000,
  socketsPerIpBeforeSignIn: 1_000_000,
};

const SOCIAL_LIMITS = {
  writeBurst: 1_000_000_000,
  postBurst: 1_000_000_000,
  commentBurst: 1_000_000_000,
  reactionBurst: 1_000_000_000,
};

const membersByRoom = new Map<string, Set<WebSocket>>();

const HELLO = JSON.stringify({ result: { data: "hello" } });

/** Starts a server of each kind. Resolves with its port. */
const start: Readonly<Record<ServerKind, (dataDir: string, smsPort: number) => Promise<number>>> = {
  "node-hello": async () => listenNode((_path, reply) => reply(HELLO)),

  "fastify-hello": async () => {
    const app = fastify();
    app.get("/trpc/hello", async (_request, reply) =>
      reply.header("content-type", "application/json").send(HELLO),
    );
    return portOf(await app.listen({ port: 0 }));
  },

  "trpc-hello": async () => {
    const t = initTRPC.create();
    const app = fastify();
    const router = t.router({ hello: t.procedure.query(() => "hello") });
    await app.register(fastifyTRPCPlugin, { prefix: "/trpc", trpcOptions: { router } });
    return portOf(await app.listen({ port: 0 }));
  },

  edvoyage: (dataDir, smsPort) => startEdvoyage(dataDir, smsPort, {}),

  "edvoyage-chat": (dataDir, smsPort) => startEdvoyage(dataDir, smsPort, CHAT_LIMITS),

  // A segment that never fills: measures passing messages on, without readers moving to the next segment.
  "edvoyage-one-segment": (dataDir, smsPort) =>
    startEdvoyage(dataDir, smsPort, {
      ...CHAT_LIMITS,
      segmentEvents: 1_000_000_000,
      segmentBytes: 1_000_000_000,
    }),

  "edvoyage-social": (dataDir, smsPort) => startEdvoyage(dataDir, smsPort, SOCIAL_LIMITS),

  // Passes messages on and stores nothing.
  "ws-relay": async () => {
    const http = createHttpServer();
    const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });
    sockets.on("connection", (socket, { url }) => {
      const room = url ?? "";
      const members = membersByRoom.get(room) ?? new Set();
      membersByRoom.set(room, members.add(socket));
      socket.on("close", () => members.delete(socket));
      socket.on("message", (data) => {
        for (const member of members) if (member.readyState === WebSocket.OPEN) member.send(data);
      });
    });
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    return (http.address() as AddressInfo).port;
  },

  hocuspocus: async (dataDir) => {
    // The bench installs it in a folder of its own.
    const load = createRequire(new URL("../../bench/peers/package.json", import.meta.url));
    const { Server } = load("@hocuspocus/server");
    const { SQLite } = load("@hocuspocus/extension-sqlite");
    await mkdir(dataDir, { recursive: true });
    const server = new Server({
      port: 0,
      address: "127.0.0.1",
      quiet: true,
      extensions: [new SQLite({ database: `${dataDir}/hocuspocus.sqlite` })],
    });
    await server.listen();
    return server.address.port;
  },

  // A cache of one entry and many sessions: every validation reads its row.
  "edvoyage-uncached": (dataDir, smsPort) => startEdvoyage(dataDir, smsPort, { sessionCacheEntries: 1 }),

  // The minimum of requesting and verifying a code: two durable writes, without any rule.
  "two-writes": async (dataDir) => {
    const database = await openDatabase(`sqlite:${dataDir}/floor.sqlite`);
    const add = prepare<{ minute: number; count: number }>()((query, param) =>
      query
        .insertInto("send_minutes")
        .values({ minute: param.minute, count: param.count })
        .onConflict((conflict) => conflict.column("minute").doUpdateSet({ count: param.count })),
    );
    let minute = 0;
    return listenNode((_path, reply) => {
      void database.write((tx) => tx.all(add, { minute: (minute += 1), count: 1 })).then(() => reply(HELLO));
    });
  },
};

const startEdvoyage = async (
  dataDir: string,
  smsPort: number,
  limits: Readonly<Record<string, number>>,
): Promise<number> => {
  const config = parseConfig({
    EDVOYAGE_PORT: "0",
    EDVOYAGE_DATA_DIR: dataDir,
    EDVOYAGE_SEED: "none",
    // Each user has its own address. Only the limit for the whole server is raised; every rule is active.
    EDVOYAGE_TRUSTED_PROXIES: "127.0.0.1",
    EDVOYAGE_LIMITS: JSON.stringify({ sendsPerHour: 1_000_000_000, ...limits }),
  });
  // Codes go to the load generator by UDP, which costs the server almost nothing.
  const udp = createSocket("udp4");
  const log = createLogger(config.logLevel);
  const server = await createServer({
    config,
    secrets: await prepareDataDir(config, { random: systemRandom, log }),
    clock: systemClock,
    random: systemRandom,
    log,
    pushProvider: undefined,
    smsProvider: {
      name: "webhook",
      send: async ({ to, code }) => udp.send(`${to} ${code}`, smsPort, "127.0.0.1"),
    },
  });
  return portOf(await server.listen());
};

const listenNode = (answer: (path: string, reply: (body: string) => void) => void): Promise<number> => {
  const server = createHttpServer((request, response) => {
    answer(request.url ?? "", (body) => {
      response.writeHead(200, {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
      });
      response.end(body);
    });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
};

const portOf = (url: string): number => Number(new URL(url).port);

if (process.send) {
  const [kind, dataDir, smsPort] = process.argv.slice(2);
  const serverKind = SERVER_KINDS.find((candidate) => candidate === kind);
  if (!serverKind || !dataDir) throw new Error(`No server ${kind}`);
  process.send({ port: await start[serverKind](dataDir, Number(smsPort)) });
  process.on("disconnect", () => process.exit(0));
}
