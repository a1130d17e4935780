import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SmsMessage } from "@edvoyage/server/app";
import { onTestFinished } from "vitest";

const MAIN = fileURLToPath(new URL("../../server/dist/main.js", import.meta.url));
/** A watchdog, far from what it takes. */
const START_TIMEOUT_MS = 30_000;

/** A real server in a process of its own, as `npm start` runs it. */
export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  readonly adminToken: string;
  /** Messages that it wrote to its file, oldest first. */
  sms(): Pick<SmsMessage, "to" | "text" | "code" | "at">[];
  /** Ends it with a signal; resolves with its exit code, or the signal that it died of. */
  end(signal: "SIGTERM" | "SIGINT" | "SIGKILL"): Promise<number | string | null>;
}

/** What a process printed and how it ended, for one that should not start. */
export interface FailedStart {
  readonly exitCode: number | null;
  readonly stderr: string;
}

type Environment = Readonly<Record<string, string>>;

const spawnServer = (dataDir: string, environment: Environment) => {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env["PATH"],
      EDVOYAGE_PORT: "0",
      EDVOYAGE_DATA_DIR: dataDir,
      EDVOYAGE_SMS: "file",
      EDVOYAGE_SEED: "none",
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const printed = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (printed.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (printed.stderr += chunk.toString()));
  return { child, printed };
};

/** Starts a server on a data folder and waits until it listens. */
export const startServerProcess = async (
  dataDir: string,
  environment: Environment = {},
): Promise<ServerProcess> => {
  const { child, printed } = spawnServer(dataDir, environment);
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Not up in time:\n${printed.stderr}`)), START_TIMEOUT_MS);
    child.stdout?.on("data", () => {
      const match = /Listening\s+(http:\S+)/.exec(printed.stdout);
      if (!match?.[1]) return;
      clearTimeout(timer);
      resolve(match[1]);
    });
    child.once("exit", (code) => reject(new Error(`Ended with ${code}:\n${printed.stderr}`)));
  });
  const smsPath = join(dataDir, "sms.jsonl");
  return {
    url,
    child,
    adminToken:
      environment["EDVOYAGE_ADMIN_TOKEN"] ?? readFileSync(join(dataDir, "admin-token"), "utf8").trim(),
    sms: () =>
      existsSync(smsPath)
        ? readFileSync(smsPath, "utf8")
            .split("\n")
            .filter(Boolean)
            .map((line) => JSON.parse(line))
        : [],
    end: async (signal) => {
      const exited = once(child, "exit");
      child.kill(signal);
      const [code, died] = await exited;
      return code ?? died;
    },
  };
};

/** Starts a server that should refuse to. */
export const failToStart = async (dataDir: string, environment: Environment = {}): Promise<FailedStart> => {
  const { child, printed } = spawnServer(dataDir, environment);
  const [exitCode] = await once(child, "close");
  return { exitCode, stderr: printed.stderr };
};
