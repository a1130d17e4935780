import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { roomDocumentName } from "@edvoyage/protocol";
import { openConnection } from "./load.ts";
import { measurePeerFanOut } from "./peer-fan-out.ts";
import {
  createRoom,
  fillRoom,
  measureFanOut,
  measureIdle,
  measureOpen,
  measurePresence,
  measureSends,
  memoryOf,
  openQuiet,
  type Account,
  type FanOut,
} from "./sync.ts";
import {
  type BenchWorld,
  createBenchWorld,
  createUser,
  print,
  ROUNDS,
  SECONDS,
  signInAll,
  type Started,
} from "./world.ts";
import { openReader } from "./socket-reader.ts";

const FULL_ROOM = Number(process.env["BENCH_ROOM"] ?? 100_000);
const OPENINGS = 30;
const QUIET_SOCKETS = 3_000;
/** The product's limit. These messages are too short to reach the limit in bytes first. */
const SEGMENT_EVENTS = 256;

/**
 * Measures chat: sends, fan-out, opening a room, quiet sockets and presence, compared to a bare relay and Hocuspocus.
 */
export const benchChat = async (): Promise<void> => {
  installPeers();
  const world = await createBenchWorld();
  try {
    const edvoyage = await world.start("edvoyage-chat");
    const relay = await world.start("ws-relay");
    const hocuspocus = await world.start("hocuspocus");
    const account = await signInTo(edvoyage);

    const sending = await createRoom(account);
    const sends = await each(() => measureSends(account, sending, SECONDS));
    print(`Durable sends through chat.send, 32 in flight: ${spread(sends)} a second\n`);

    const small = await createRoom(account);
    await fillRoom(account, small, 300);
    const full = await createRoom(account);
    print(`Filling a room with ${FULL_ROOM} messages …\n`);
    await fillRoom(account, full, FULL_ROOM);
    const pid = edvoyage.child.pid ?? 0;
    const before = memoryOf(pid);
    await compareOpenings(account, { small, full });
    print(
      `The server's memory before and after these openings: ${mebibytes(before)} and ${mebibytes(memoryOf(pid))} MiB\n`,
    );

    const following = await createRoom(account);
    const followed = await each(
      async () =>
        (await measureFanOut(account, following, { seconds: SECONDS, segmentEvents: SEGMENT_EVENTS }))
          .deliveriesPerSecond,
    );
    const presence = await createRoom(account);
    const frames = await measurePresence(account, presence);
    await world.stop(edvoyage);

    const oneSegment = await world.start("edvoyage-one-segment", edvoyage);
    await compareFanOut({ edvoyage: { ...account, port: oneSegment.port }, relay, hocuspocus, full });
    print(
      `  EdVoyage, every reader moving to the next segment after ${SEGMENT_EVENTS} events: ${spread(followed)} deliveries/s\n`,
    );
    await compareIdle(world);
    print(`200 clients that announce themselves in one room: ${frames} frames in total\n`);
  } finally {
    await world.close();
  }
};

/** Uses fresh servers: memory left over from other measurements would be counted. */
const compareIdle = async (world: BenchWorld): Promise<void> => {
  const [relay, edvoyage] = [await world.start("ws-relay"), await world.start("edvoyage-chat")];
  const account = await signInTo(edvoyage);
  const room = await createRoom(account);
  const relayBytes = await measureIdle(
    relay.child.pid ?? 0,
    (index) => openReader({ port: relay.port, path: `/quiet-${index}`, onMessage: () => {} }),
    QUIET_SOCKETS,
  );
  const edvoyageBytes = await measureIdle(
    edvoyage.child.pid ?? 0,
    () => openQuiet(account, room),
    QUIET_SOCKETS,
  );
  const kibibytes = (bytes: number): string => (bytes / 1024).toFixed(1);
  print(
    `A quiet socket, of ${QUIET_SOCKETS}: ${kibibytes(edvoyageBytes)} KiB (bare relay ${kibibytes(relayBytes)} KiB)\n`,
  );
};

const compareFanOut = async (contenders: {
  readonly edvoyage: Account;
  readonly relay: Started;
  readonly hocuspocus: Started;
  readonly full: Awaited<ReturnType<typeof createRoom>>;
}): Promise<void> => {
  const { edvoyage, relay, hocuspocus, full } = contenders;
  const empty = await createRoom(edvoyage);
  const options = { seconds: SECONDS, segmentEvents: Number.POSITIVE_INFINITY };
  const runs: readonly (readonly [string, () => Promise<FanOut>])[] = [
    ["bare ws relay, stores nothing", () => measurePeerFanOut(relay.port, { ...options, protocol: "relay" })],
    [
      "Hocuspocus with SQLite",
      () => measurePeerFanOut(hocuspocus.port, { ...options, protocol: "hocuspocus" }),
    ],
    ["EdVoyage, durable", () => measureFanOut(edvoyage, empty, options)],
    [`EdVoyage, durable, room of ${FULL_ROOM}`, () => measureFanOut(edvoyage, full, options)],
  ];
  const results = runs.map(([name]) => [name, [] as FanOut[]] as const);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, [, run]] of runs.entries()) results[index]?.[1].push(await run());
  }
  const base = median((results[0]?.[1] ?? []).map((result) => result.deliveriesPerSecond));
  print(
    `200 readers of one room\n${"".padEnd(42)}${"deliveries/s".padStart(30)}${"× relay".padStart(9)}${"messages/s".padStart(12)}`,
  );
  for (const [name, all] of results) {
    const deliveries = all.map((result) => result.deliveriesPerSecond);
    const messages = median(all.map((result) => result.messagesPerSecond));
    print(
      `  ${name.padEnd(40)}${spread(deliveries).padStart(30)}${(median(deliveries) / base).toFixed(2).padStart(9)}${messages.toFixed(0).padStart(12)}`,
    );
  }
  print("");
};

const compareOpenings = async (
  account: Account,
  rooms: {
    readonly small: Awaited<ReturnType<typeof createRoom>>;
    readonly full: Awaited<ReturnType<typeof createRoom>>;
  },
): Promise<void> => {
  for (const [name, roomId] of [
    ["300 messages", rooms.small],
    [`${FULL_ROOM} messages`, rooms.full],
  ] as const) {
    const segment = await headSegmentOf(account, roomId);
    for (const [what, at, missing] of [
      ["newest segment", segment, undefined],
      ["a full segment", 0, undefined],
      ["100 missed", 0, 100],
    ] as const) {
      const openings = [];
      for (let opening = 0; opening < OPENINGS; opening += 1) {
        openings.push(await measureOpen(account, roomId, { segment: at, ...(missing ? { missing } : {}) }));
      }
      const ms = median(openings.map((opening) => opening.ms));
      const { bytes, entries } = openings[0] ?? { bytes: 0, entries: 0 };
      print(
        `Room of ${name}, ${what}: ${ms.toFixed(1)} ms, ${(bytes / 1024).toFixed(1)} KiB (${entries} entries, ${roomDocumentName(roomId, at).split("/").at(-1)})`,
      );
    }
  }
  print("");
};

const headSegmentOf = async (account: Account, roomId: string): Promise<number> => {
  const connection = await openConnection(account.port);
  const answer = await connection.request(
    `GET /trpc/inbox.changes?input=${encodeURIComponent("{}")}`,
    undefined,
    `authorization: Bearer ${account.token}`,
  );
  connection.close();
  const { rooms } = JSON.parse(answer).result.data as { rooms: { id: string; head: { segment: number } }[] };
  return rooms.find(({ id }) => id === roomId)?.head.segment ?? 0;
};

const signInTo = async ({ port }: Started): Promise<Account> => {
  const [token = ""] = await signInAll(port, [createUser(0)]);
  const connection = await openConnection(port);
  const answer = await connection.request(
    "GET /trpc/sessions.validate",
    undefined,
    `authorization: Bearer ${token}`,
  );
  connection.close();
  return { port, token, userId: JSON.parse(answer).result.data.user.id };
};

const installPeers = (): void => {
  const folder = fileURLToPath(new URL("../../bench/peers", import.meta.url));
  if (existsSync(`${folder}/node_modules/@hocuspocus/server`)) return;
  print(
    "Installing the peers to compare with; the first time their SQLite is compiled, which takes a minute or two.",
  );
  execFileSync("npm", ["ci"], { cwd: folder, stdio: "ignore" });
};

const each = async (run: () => Promise<number>): Promise<number[]> => {
  const results: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) results.push(await run());
  return results;
};

const mebibytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(0);

const median = (values: readonly number[]): number =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;

const spread = (values: readonly number[]): string =>
  `${median(values).toFixed(0)} (${Math.min(...values).toFixed(0)}–${Math.max(...values).toFixed(0)})`;
