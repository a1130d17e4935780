import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRpcClient, refusalOf, type RpcClient } from "@edvoyage/client-sdk/rpc";
import { comparePositions, type Position } from "@edvoyage/protocol";
import { v7 } from "uuid";
import { withKillMoments, type KillMoments } from "../support/kill-moments.ts";
import { spawnServer, whenListening, type SpawnedServer } from "../support/servers/spawned-server.ts";

/** A server in a separate process. */
export interface KillableServer {
  readonly url: string;
  sms(): readonly { readonly to: string; readonly code: string }[];
  end(signal: "SIGKILL" | "SIGTERM"): Promise<unknown>;
}

/** The results for the messages of all rounds. */
export interface KillReport {
  readonly kills: number;
  readonly acknowledged: number;
  /** How many acknowledged messages are missing in the room afterwards. */
  readonly lost: number;
  /** How many messages are in the room more than once. */
  readonly twice: number;
  /** How many messages are not at the acknowledged position, or precede an earlier message of their lane. */
  readonly misplaced: number;
  /** The median and the longest time from the start of the process to its first answer, in milliseconds. */
  readonly readyAfterMs: { readonly median: number; readonly longest: number };
}

/** The number of phones that send at the same time, each one message after another. */
const LANES = 8;
/** The range of the time from a start to the kill. */
const LIFE = { leastMs: 20, mostMs: 500 };
/** The longest wait for the first acknowledgement of a round. */
const WATCHDOG_MS = 20_000;
const PAGE = 100;

interface Lane {
  next: number;
  /** Sent but not acknowledged. It is sent again under the same id, as an outbox does. */
  pending: { readonly commandId: string; readonly text: string } | undefined;
}

/**
 * Kills a server with -9 at these moments while messages are sent, and restarts it on the same data, `rounds`
 * times. The senders run in this process, so the acknowledgements survive.
 */
export const runKills = async ({
  start,
  rounds,
  moments,
  onRound = () => {},
}: {
  readonly start: () => Promise<KillableServer>;
  readonly rounds: number;
  readonly moments: KillMoments;
  readonly onRound?: (round: number) => void;
}): Promise<KillReport> => {
  const acknowledged = new Map<string, Position>();
  const lanes: Lane[] = Array.from({ length: LANES }, () => ({ next: 0, pending: undefined }));
  const readyAfter: number[] = [];
  let server = await start();
  const token = await signIn(server);
  const room = await clientOf(server, token).chat.rooms.create.mutate({
    kind: "group",
    name: "Under fire",
    memberIds: [],
    commandId: v7(),
  });

  for (let round = 0; round < rounds; round += 1) {
    const rpc = clientOf(server, token);
    const acknowledgedBefore = acknowledged.size;
    const senders = lanes.map((lane, index) => keepSending(rpc, room.id, { lane, index, acknowledged }));
    // A slow machine may need longer for its first commit. A kill before it would prove nothing.
    const lifeEndsBy = performance.now() + WATCHDOG_MS;
    do {
      await wait(moments.delayMs(round, LIFE));
    } while (acknowledged.size === acknowledgedBefore && performance.now() < lifeEndsBy);
    await server.end("SIGKILL");
    await Promise.all(senders);
    const startedAt = performance.now();
    server = await start();
    await clientOf(server, token).sessions.validate.query();
    readyAfter.push(performance.now() - startedAt);
    onRound(round + 1);
  }

  const found = await readRoom(clientOf(server, token), room.id);
  await server.end("SIGTERM");
  const placesById = new Map<string, Position[]>();
  for (const { id, position } of found) placesById.set(id, [...(placesById.get(id) ?? []), position]);
  const entries = [...acknowledged];
  readyAfter.sort((one, other) => one - other);
  return {
    kills: rounds,
    acknowledged: entries.length,
    lost: entries.filter(([id]) => !placesById.has(id)).length,
    twice: [...placesById.values()].filter((places) => places.length > 1).length,
    misplaced:
      entries.filter(([id, position]) => {
        const place = placesById.get(id)?.[0];
        return place !== undefined && comparePositions(place, position) !== 0;
      }).length + countDisorder(found),
    readyAfterMs: {
      median: Math.round(readyAfter[Math.floor(readyAfter.length / 2)] ?? Number.NaN),
      longest: Math.round(readyAfter.at(-1) ?? Number.NaN),
    },
  };
};

const SOAK_KILLS = 1_000;

/** The long run on SQLite. */
export const soakKills = async (rounds = SOAK_KILLS): Promise<KillReport> => {
  const dataDir = mkdtempSync(join(tmpdir(), "edvoyage-soak-"));
  let spawned: SpawnedServer | undefined;
  try {
    return await withKillMoments((moments) =>
      runKills({
        start: () => whenListening((spawned = spawnServer(dataDir, {})), dataDir),
        rounds,
        moments,
        onRound: (round) => {
          if (round % 50 === 0) process.stderr.write(`${round} of ${rounds} kills\n`);
        },
      }),
    );
  } finally {
    spawned?.child.kill("SIGKILL");
    rmSync(dataDir, { recursive: true, force: true });
  }
};

const clientOf = ({ url }: KillableServer, token?: string): RpcClient =>
  createRpcClient({ url, token: () => token });

const signIn = async (server: KillableServer): Promise<string> => {
  const [phone, deviceId] = ["+447400000001", randomBytes(16).toString("base64url")];
  const { auth } = clientOf(server);
  const { challengeId } = await auth.requestCode.mutate({ phone, deviceId });
  const code = server.sms().findLast(({ to }) => to === phone)?.code ?? "";
  return (await auth.verifyCode.mutate({ challengeId, code, deviceId })).token;
};

/** Sends messages until the server is gone. */
const keepSending = async (
  rpc: RpcClient,
  roomId: string,
  { lane, index, acknowledged }: { lane: Lane; index: number; acknowledged: Map<string, Position> },
): Promise<void> => {
  for (;;) {
    const message = (lane.pending ??= { commandId: v7(), text: `${index}:${lane.next}` });
    try {
      const { position } = await rpc.chat.send.mutate({ roomId, ...message });
      acknowledged.set(message.commandId, position);
      lane.pending = undefined;
      lane.next += 1;
    } catch (error) {
      const refusal = refusalOf(error);
      // A refusal would be a fault of the server. A connection error is expected, because the server is killed.
      if (refusal && refusal.reason !== "rate/limited") throw error;
      if (!refusal) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
};

interface FoundMessage {
  readonly id: string;
  readonly position: Position;
  readonly text: string | null;
}

/** Returns every message of a room, oldest first. */
export const readRoom = async (rpc: RpcClient, roomId: string): Promise<FoundMessage[]> => {
  const pages: FoundMessage[][] = [];
  let before: Position | null = null;
  do {
    const page: { items: readonly FoundMessage[]; nextCursor: Position | null } =
      await rpc.chat.history.query({
        roomId,
        before,
        limit: PAGE,
      });
    pages.push([...page.items]);
    before = page.nextCursor;
  } while (before);
  return pages.flat().reverse();
};

/** Counts messages that come before an earlier message of their lane. */
const countDisorder = (found: readonly FoundMessage[]): number => {
  const lastByLane = new Map<string, number>();
  let disorder = 0;
  for (const { text } of found) {
    const [lane = "", number = ""] = (text ?? "").split(":");
    const last = lastByLane.get(lane) ?? -1;
    if (Number(number) <= last) disorder += 1;
    lastByLane.set(lane, Math.max(last, Number(number)));
  }
  return disorder;
};
