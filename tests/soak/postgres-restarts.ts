import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRpcClient, isUnreachable, refusalOf, type RpcClient } from "@edvoyage/client-sdk/rpc";
import pg from "pg";
import { v7 } from "uuid";
import { withKillMoments } from "../support/kill-moments.ts";
import { somePhone } from "../support/students/phone.ts";
import { startPostgres, type TestPostgres } from "../support/databases/postgres.ts";
import {
  spawnServer,
  whenListening,
  type Environment,
  type ServerProcess,
} from "../support/servers/spawned-server.ts";
import { createRandom, type RandomBelow } from "./hostile-updates.ts";
import { readRoom } from "./kills.ts";
import { createRecorder, type Recorder } from "./recorder.ts";

/** How often PostgreSQL fails, and the seed of the random failures. */
export interface PostgresTrouble {
  /** Calls of `pg_terminate_backend`, for 1 to 9 random backends at once. */
  readonly terminations: number;
  /** Fast restarts, spread over the terminations. */
  readonly restarts: number;
  /** The seed of the batches and pauses. */
  readonly seed: number;
}

/** The results as two nodes and their clients saw them. */
export interface PostgresRestartsReport extends PostgresTrouble {
  /** How many answers had each HTTP status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** How many refusals with 429 or 503 had no `Retry-After`. */
  readonly withoutRetryAfter: number;
  /** How many requests got no answer. */
  readonly unanswered: number;
  /** How many server processes ended. */
  readonly deadNodes: number;
  readonly messages: Kept;
  readonly sessions: Kept;
  /**
   * Times from PostgreSQL's first answer to a plain client until the first success of the slower node, in milliseconds.
   */
  readonly firstSuccessAfterMs: readonly number[];
}

/** How many items were acknowledged to clients, and how many of those are missing or stored more than once. */
export interface Kept {
  readonly acknowledged: number;
  readonly lost: number;
  readonly twice: number;
}

/** A server process and a record of its answers. */
interface Node {
  readonly server: ServerProcess;
  readonly recorder: Recorder;
  /**
   * Creates a client whose answers are recorded, with a session key or none. Each lane has one, so that calls are never
   * batched.
   */
  readonly clientOf: (key?: string) => RpcClient;
}

/** The load of all clients, which continue until `isStopped`. */
interface Load {
  isStopped: boolean;
  readonly messageIds: Set<string>;
  readonly sessionIds: Set<string>;
}

const SENDERS_PER_NODE = 4;
/** Much less than `Retry-After` asks for, so that the load meets the first moment at which the node works again. */
const RETRY_MS = 10;
const BETWEEN_CALLS_MS = 5;
const PROBE_EVERY_MS = 100;
const MAX_BATCH = 9;
const MAX_PAUSE_MS = 100;
/** A watchdog, much longer than a recovery takes. */
const PATIENCE_MS = 30_000;

/** Rate limits are not under test here. */
const LIMITS = {
  callsPerMinutePerIp: 1_000_000,
  messagesPerSecond: 1_000_000,
  messageBurst: 1_000_000,
  sendsPerHourPerIp: 1_000_000,
  sendsPerHour: 1_000_000,
};

/** The environment of nodes that share a database. */
export const nodeEnvironment = (databaseUrl: string): Environment => ({
  EDVOYAGE_DATABASE_URL: databaseUrl,
  EDVOYAGE_SECRET: "shared by both nodes",
  EDVOYAGE_ADMIN_TOKEN: "shared by both nodes too",
  EDVOYAGE_LIMITS: JSON.stringify(LIMITS),
});

/**
 * Ends connections and restarts PostgreSQL under two nodes with clients. Then compares what clients were told with what
 * is stored.
 */
export const runPostgresRestarts = async ({
  postgres,
  startNode,
  trouble,
  onRestart = () => {},
}: {
  /** Used by this run alone, because it is restarted. */
  readonly postgres: TestPostgres;
  readonly startNode: (environment: Environment) => Promise<ServerProcess>;
  readonly trouble: PostgresTrouble;
  readonly onRestart?: (restart: number) => void;
}): Promise<PostgresRestartsReport> => {
  const environment = nodeEnvironment(postgres.url);
  // Start one after the other, because both would migrate an empty database.
  const servers = [await startNode(environment), await startNode(environment)];
  const token = await signInOn(servers[0]);
  const nodes = servers.map((server): Node => {
    const recorder = createRecorder();
    const clientOf = (key?: string) =>
      createRpcClient({ url: server.url, token: () => key, fetch: recorder.fetch });
    return { server, recorder, clientOf };
  });
  const { id: roomId } = await createRpcClient({
    url: servers[0]?.url ?? "",
    token: () => token,
  }).chat.rooms.create.mutate({ kind: "group", name: "Under fire", memberIds: [], commandId: v7() });

  const load: Load = { isStopped: false, messageIds: new Set(), sessionIds: new Set() };
  const lanes = nodes.flatMap((node, index) => [
    ...Array.from({ length: SENDERS_PER_NODE }, (_, lane) =>
      keepSending(node.clientOf(token), load, { roomId, lane: `${index}.${lane}` }),
    ),
    keepReading(node.clientOf(token), load, roomId),
    keepSigningIn(node, load),
    keepProbing(node, load),
  ]);
  // A lane ends early only if its node does. The report shows that, so it is not thrown here.
  const lanesEnded = Promise.all(lanes);
  lanesEnded.catch(() => {});

  const random = createRandom(trouble.seed);
  const firstSuccessAfterMs: number[] = [];
  let terminated = 0;
  for (let restart = 1; restart <= trouble.restarts; restart += 1) {
    const target = Math.round((trouble.terminations * restart) / trouble.restarts);
    while (terminated < target && !nodes.some(isDead)) {
      await pause(random(MAX_PAUSE_MS));
      const atMost = Math.min(target - terminated, 1 + random(MAX_BATCH));
      terminated += await terminateSome(postgres.url, { atMost, random });
    }
    const { downAt, acceptedAt } = await postgres.restart();
    const successes = await Promise.all(nodes.map((node) => firstSuccess(node, downAt)));
    firstSuccessAfterMs.push(Math.max(0, Math.round(Math.max(...successes) - acceptedAt)));
    onRestart(restart);
  }

  load.isStopped = true;
  await lanesEnded;
  const deadNodes = nodes.filter(isDead).length;
  const [alive] = nodes.filter((node) => !isDead(node));
  if (!alive) throw new Error("No node is running");
  const found = await readRoom(alive.clientOf(token), roomId);
  const sessions = await sessionIdsOf(postgres.url);
  const statuses: Record<string, number> = {};
  for (const { recorder } of nodes) {
    for (const [status, count] of recorder.statuses()) statuses[status] = (statuses[status] ?? 0) + count;
  }
  const sum = (count: (recorder: Recorder) => number): number =>
    nodes.reduce((total, { recorder }) => total + count(recorder), 0);
  return {
    ...trouble,
    terminations: terminated,
    statuses,
    withoutRetryAfter: sum((recorder) => recorder.withoutRetryAfter()),
    unanswered: sum((recorder) => recorder.unanswered()),
    deadNodes,
    // A command that ran twice would have stored its text twice.
    messages: {
      ...compare(
        load.messageIds,
        found.map(({ id }) => id),
      ),
      twice: countTwice(found.map(({ text }) => text)),
    },
    sessions: compare(load.sessionIds, sessions),
    firstSuccessAfterMs,
  };
};

/** The long run, on a PostgreSQL started for it. */
export const soakPostgresRestarts = async (terminations = 100): Promise<PostgresRestartsReport> => {
  const postgres = await startPostgres();
  if (!postgres) throw new Error("PostgreSQL cannot be started on this machine");
  const folders: string[] = [];
  const servers: ServerProcess[] = [];
  try {
    return await withKillMoments(({ seed }) =>
      runPostgresRestarts({
        postgres,
        startNode: async (environment) => {
          const folder = mkdtempSync(join(tmpdir(), "edvoyage-soak-"));
          folders.push(folder);
          const server = await whenListening(spawnServer(folder, environment), folder, environment);
          servers.push(server);
          return server;
        },
        trouble: { terminations, restarts: Math.ceil(terminations / 10), seed },
        onRestart: (restart) => process.stderr.write(`${restart} restarts\n`),
      }),
    );
  } finally {
    for (const { child } of servers) child.kill("SIGKILL");
    await postgres.stop();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

const isDead = ({ server: { child } }: Node): boolean => child.exitCode !== null || child.signalCode !== null;

/** Ends up to `atMost` random backends of the nodes. Returns how many were ended. */
const terminateSome = async (
  url: string,
  { atMost, random }: { readonly atMost: number; readonly random: RandomBelow },
): Promise<number> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ pid: number }>(
      `select pid from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend' order by pid`,
    );
    const pids = rows.map(({ pid }) => pid);
    let ended = 0;
    while (ended < atMost && pids.length > 0) {
      const [pid] = pids.splice(random(pids.length), 1);
      const answer = await client.query<{ ended: boolean }>("select pg_terminate_backend($1) as ended", [
        pid,
      ]);
      if (answer.rows[0]?.ended === true) ended += 1;
    }
    return ended;
  } finally {
    await client.end();
  }
};

/** Waits for the first success of a request that started after `downAt`. Returns its time. */
const firstSuccess = async ({ recorder, server }: Node, downAt: number): Promise<number> => {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const at = recorder.firstSuccessSince(downAt);
    if (at !== undefined) return at;
    // A dead node never succeeds. The report shows it.
    if (server.child.exitCode !== null) return Number.POSITIVE_INFINITY;
    if (performance.now() > giveUpAt) throw new Error("A node did not recover");
    await pause(1);
  }
};

/** Repeats a call until it succeeds. Returns `undefined` if its node is gone. */
const callUntilDone = async <T>(call: () => Promise<T>): Promise<T | undefined> => {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (isUnreachable(error)) return undefined;
      const reason = refusalOf(error)?.reason;
      // An unknown error is counted by its status, and retried as the SDK does.
      if (reason !== undefined && reason !== "server/unavailable") throw error;
      await pause(RETRY_MS);
    }
  }
};

/** Sends one message after another, each with one command id until it is acknowledged, as an outbox does. */
const keepSending = async (
  rpc: RpcClient,
  load: Load,
  { roomId, lane }: { readonly roomId: string; readonly lane: string },
): Promise<void> => {
  for (let number = 0; !load.isStopped; number += 1) {
    const command = { roomId, commandId: v7(), text: `${lane}:${number}` };
    const receipt = await callUntilDone(() => rpc.chat.send.mutate(command));
    if (!receipt) return;
    load.messageIds.add(receipt.messageId);
    await pause(BETWEEN_CALLS_MS);
  }
};

const keepReading = async (rpc: RpcClient, load: Load, roomId: string): Promise<void> => {
  while (!load.isStopped) {
    const read = await callUntilDone(() => rpc.chat.history.query({ roomId, limit: 5 }));
    if (!read || !(await callUntilDone(() => rpc.sessions.list.query()))) return;
    await pause(BETWEEN_CALLS_MS);
  }
};

const keepSigningIn = async (node: Node, load: Load): Promise<void> => {
  while (!load.isStopped && !isDead(node)) {
    const sessionId = await signInOnce(node);
    if (sessionId !== undefined) load.sessionIds.add(sessionId);
    await pause(PROBE_EVERY_MS);
  }
};

/** Signs in a new student. Returns `undefined` if no SMS was sent: its commit was lost, or the node is gone. */
const signInOnce = async ({ clientOf, server }: Node): Promise<string | undefined> => {
  const { auth } = clientOf();
  const [phone, deviceId] = [somePhone(), newDeviceId()];
  const challenge = await callUntilDone(() => auth.requestCode.mutate({ phone, deviceId }));
  const code = server.sms().findLast(({ to }) => to === phone)?.code;
  if (!challenge || !code) return undefined;
  const answer = { challengeId: challenge.challengeId, code, deviceId, commandId: v7() };
  return (await callUntilDone(() => auth.verifyCode.mutate(answer)))?.session.id;
};

/** Polls the endpoints that monitoring uses. */
const keepProbing = async (node: Node, load: Load): Promise<void> => {
  const { recorder, server } = node;
  while (!load.isStopped && !isDead(node)) {
    for (const path of ["/readyz", "/metrics"]) {
      await recorder.fetch(`${server.url}${path}`).then(
        (response) => response.text(),
        () => {},
      );
    }
    await pause(PROBE_EVERY_MS);
  }
};

const newDeviceId = (): string => randomBytes(16).toString("base64url");

const signInOn = async (server: ServerProcess | undefined): Promise<string> => {
  if (!server) throw new Error("There is no node");
  const { auth } = createRpcClient({ url: server.url });
  const [phone, deviceId] = [somePhone(), newDeviceId()];
  const { challengeId } = await auth.requestCode.mutate({ phone, deviceId });
  const code = server.sms().findLast(({ to }) => to === phone)?.code ?? "";
  return (await auth.verifyCode.mutate({ challengeId, code, deviceId })).token;
};

const sessionIdsOf = async (url: string): Promise<string[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ id: string }>("select id from sessions where ended_at is null");
  await client.end();
  return rows.map(({ id }) => id);
};

const compare = (acknowledged: ReadonlySet<string>, found: readonly string[]): Kept => {
  const foundSet = new Set(found);
  return {
    acknowledged: acknowledged.size,
    lost: [...acknowledged].filter((id) => !foundSet.has(id)).length,
    twice: countTwice(found),
  };
};

const countTwice = (values: readonly (string | null)[]): number => values.length - new Set(values).size;
