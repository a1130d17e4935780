import { fork, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openConnection, type Connection, type Measurement } from "./load.ts";
import type { ServerKind } from "./servers.ts";

export const SECONDS = Number(process.env["BENCH_SECONDS"] ?? 4);
export const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 3);

/** A server in a separate process. */
export interface Started {
  readonly port: number;
  readonly dataDir: string;
  readonly child: ChildProcess;
}

/** Servers side by side, and the codes that they send. */
export interface BenchWorld {
  /** Starts a server, on new data or on the data of a stopped server. */
  start(kind: ServerKind, dataOf?: Started): Promise<Started>;
  stop(started: Started): Promise<void>;
  close(): Promise<void>;
}

/** Codes that arrived before anybody waited for them, by phone. */
const codeByPhone = new Map<string, string>();
const waitingByPhone = new Map<string, (code: string) => void>();

/** Creates a folder for all servers, which is deleted by `close()`. */
export const createBenchWorld = async (): Promise<BenchWorld> => {
  const folder = await mkdtemp(join(tmpdir(), "edvoyage-bench-"));
  const sms = createSocket("udp4");
  sms.on("message", (message) => receive(message.toString()));
  sms.bind(0, "127.0.0.1");
  await once(sms, "listening");
  const children: ChildProcess[] = [];
  return {
    start: async (kind, dataOf) => {
      const dataDir = dataOf?.dataDir ?? join(folder, `${kind}-${children.length}`);
      const started = await startServer(kind, dataDir, sms.address().port);
      children.push(started.child);
      return started;
    },
    stop: async ({ child }) => {
      const exited = once(child, "exit");
      child.kill();
      await exited;
    },
    close: async () => {
      for (const child of children) child.kill();
      sms.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const startServer = async (kind: ServerKind, dataDir: string, smsPort: number): Promise<Started> => {
  const child = fork(fileURLToPath(new URL("./servers.js", import.meta.url)), [
    kind,
    dataDir,
    String(smsPort),
  ]);
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return { port, dataDir, child };
};

export interface User {
  readonly phone: string;
  readonly deviceId: string;
  readonly ip: string;
}

export const createUser = (index: number): User => ({
  phone: `+9198${String(10_000_000 + index)}`,
  deviceId: randomBytes(16).toString("base64url"),
  ip: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
});

const receive = (message: string): void => {
  const [phone = "", code = ""] = message.split(" ");
  const waiting = waitingByPhone.get(phone);
  waitingByPhone.delete(phone);
  if (waiting) waiting(code);
  else codeByPhone.set(phone, code);
};

export const codeFor = (phone: string): Promise<string> => {
  const code = codeByPhone.get(phone);
  codeByPhone.delete(phone);
  return code ? Promise.resolve(code) : new Promise((resolve) => waitingByPhone.set(phone, resolve));
};

export const signIn = async (connection: Connection, { phone, deviceId, ip }: User): Promise<string> => {
  const from = `x-forwarded-for: ${ip}`;
  const requested = await connection.request(
    "POST /trpc/auth.requestCode",
    JSON.stringify({ phone, deviceId }),
    from,
  );
  const { challengeId } = JSON.parse(requested).result.data;
  const code = await codeFor(phone);
  const answer = JSON.stringify({ challengeId, code, deviceId });
  return JSON.parse(await connection.request("POST /trpc/auth.verifyCode", answer, from)).result.data.token;
};

export const signInAll = async (port: number, users: readonly User[]): Promise<string[]> => {
  const connection = await openConnection(port);
  const tokens: string[] = [];
  for (const user of users) tokens.push(await signIn(connection, user));
  connection.close();
  return tokens;
};

export type Rounds = readonly (readonly [name: string, results: readonly Measurement[]])[];

/** Runs the contenders in turn, round after round, so that a slow minute of the machine affects all of them. */
export const rounds = async (
  runs: readonly (readonly [string, () => Promise<Measurement>])[],
): Promise<Rounds> => {
  const results = runs.map(([name]) => [name, [] as Measurement[]] as const);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, [, run]] of runs.entries()) results[index]?.[1].push(await run());
  }
  return results;
};

export const table = (title: string, unit: string, rows: Rounds, baseline: string): void => {
  const medianOf = (results: readonly Measurement[], of: (m: Measurement) => number): number =>
    results.map(of).sort((one, other) => one - other)[Math.floor(results.length / 2)] ?? Number.NaN;
  const base = medianOf(rows.find(([name]) => name === baseline)?.[1] ?? [], (m) => m.perSecond);
  print(
    `${title}\n${"".padEnd(42)}${unit.padStart(24)}${"× baseline".padStart(12)}${"p50 ms".padStart(9)}${"p99 ms".padStart(9)}`,
  );
  for (const [name, results] of rows) {
    const rates = results.map((m) => m.perSecond);
    const rate = medianOf(results, (m) => m.perSecond);
    const spread = `${rate.toFixed(0)} (${Math.min(...rates).toFixed(0)}–${Math.max(...rates).toFixed(0)})`;
    const [p50, p99] = [medianOf(results, (m) => m.p50Ms), medianOf(results, (m) => m.p99Ms)];
    print(
      `  ${name.padEnd(40)}${spread.padStart(24)}${(rate / base).toFixed(2).padStart(12)}${p50.toFixed(2).padStart(9)}${p99.toFixed(2).padStart(9)}`,
    );
  }
  print("");
};

export const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
