import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createRpcClient, refusalOf, type RpcClient } from "@edvoyage/client-sdk/rpc";
import { BEARER_SUBPROTOCOL_PREFIX, SYNC_SUBPROTOCOL, userDocumentName } from "@edvoyage/protocol";
import { WebSocket } from "ws";
import { startPostgres } from "../support/databases/postgres.ts";
import {
  spawnServer,
  whenListening,
  type ServerProcess,
  type SpawnedServer,
} from "../support/servers/spawned-server.ts";

/** The results for a session that one node ended while another node was paused. */
export interface PauseReport {
  readonly pausedSeconds: number;
  /** How many first requests after the pause were answered as if the session were still live. */
  readonly answeredAfterPause: number;
  /** Time since the end of the pause, in milliseconds. `null` if it did not happen within `PATIENCE_MS`. */
  readonly refusedAfterMs: number | null;
  readonly socketClosedAfterMs: number | null;
  readonly closeCode: number | null;
}

const PAUSE_SECONDS = 66;
const PATIENCE_MS = 10_000;
const ASK_EVERY_MS = 20;

/** Stops one of two nodes on one PostgreSQL with SIGSTOP, ends a session on the other, and resumes the first. */
export const soakPauses = async (pausedSeconds = PAUSE_SECONDS): Promise<PauseReport> => {
  const postgres = await startPostgres();
  if (!postgres) throw new Error("This soak needs PostgreSQL");
  const dataDir = mkdtempSync(join(tmpdir(), "edvoyage-soak-"));
  const environment = { EDVOYAGE_DATABASE_URL: postgres.url };
  const spawned: SpawnedServer[] = [];
  const start = (): Promise<ServerProcess> => {
    const server = spawnServer(dataDir, environment);
    spawned.push(server);
    return whenListening(server, dataDir);
  };
  try {
    return await pauseOne({ one: await start(), paused: await start(), pausedSeconds });
  } finally {
    for (const { child } of spawned) child.kill("SIGKILL");
    await postgres.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
};

const pauseOne = async ({
  one,
  paused,
  pausedSeconds,
}: {
  readonly one: ServerProcess;
  readonly paused: ServerProcess;
  readonly pausedSeconds: number;
}): Promise<PauseReport> => {
  const { token, user } = await signIn(one);
  const onPaused = clientOf(paused, token);
  await onPaused.sessions.validate.query();
  const socket = new WebSocket(`${paused.url.replace(/^http/, "ws")}/sync/${userDocumentName(user.id)}`, [
    SYNC_SUBPROTOCOL,
    `${BEARER_SUBPROTOCOL_PREFIX}${token}`,
  ]);
  await once(socket, "open");

  paused.child.kill("SIGSTOP");
  await clientOf(one, token).sessions.logout.mutate();
  await sleep(pausedSeconds * 1_000);
  const wokenAt = performance.now();
  const closed = once(socket, "close").then(([code]): [number, number] => [
    Number(code),
    Math.round(performance.now() - wokenAt),
  ]);
  paused.child.kill("SIGCONT");

  let answeredAfterPause = 0;
  let refusedAfterMs: number | null = null;
  while (refusedAfterMs === null && performance.now() - wokenAt < PATIENCE_MS) {
    if (await isRefused(onPaused)) refusedAfterMs = Math.round(performance.now() - wokenAt);
    else answeredAfterPause += 1;
    await sleep(ASK_EVERY_MS);
  }
  const patience = Math.max(0, PATIENCE_MS - (performance.now() - wokenAt));
  const [closeCode, socketClosedAfterMs] = await Promise.race([
    closed,
    sleep(patience, [null, null] as const),
  ]);
  socket.terminate();
  return { pausedSeconds, answeredAfterPause, refusedAfterMs, socketClosedAfterMs, closeCode };
};

const isRefused = async (rpc: RpcClient): Promise<boolean> => {
  try {
    await rpc.sessions.validate.query();
    return false;
  } catch (error) {
    if (refusalOf(error)?.reason !== "session/revoked") throw error;
    return true;
  }
};

const clientOf = ({ url }: ServerProcess, token?: string): RpcClient =>
  createRpcClient({ url, token: () => token });

const signIn = async (server: ServerProcess) => {
  const [phone, deviceId] = ["+447400000001", randomBytes(16).toString("base64url")];
  const { auth } = clientOf(server);
  const { challengeId } = await auth.requestCode.mutate({ phone, deviceId });
  const code = server.sms().findLast(({ to }) => to === phone)?.code ?? "";
  return auth.verifyCode.mutate({ challengeId, code, deviceId });
};
