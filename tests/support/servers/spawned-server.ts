import { spawn, type ChildProcess, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { SmsMessage } from "@edvoyage/server/app";

/** The repository's root, both for this source file and for the compiled one under `tests/dist`. */
const ROOT = import.meta.url.slice(0, import.meta.url.lastIndexOf("/tests/") + 1);
const MAIN = fileURLToPath(new URL("server/dist/main.js", ROOT));
/** A watchdog, much longer than a start takes. */
const START_TIMEOUT_MS = 30_000;

/** A real server in its own process, as `npm start` runs it. */
export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  readonly adminToken: string;
  /** Returns the messages that it wrote to its file, oldest first. */
  sms(): Pick<SmsMessage, "to" | "text" | "code" | "at">[];
  /** Ends the process with a signal. Resolves with its exit code, or with the signal that killed it. */
  end(signal: "SIGTERM" | "SIGINT" | "SIGKILL"): Promise<number | string | null>;
}

/** A server process and what it has printed so far. */
export interface SpawnedServer {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly printed: { stdout: string; stderr: string };
}

export type Environment = Readonly<Record<string, string>>;

/** Starts the process. The caller must end it. */
export const spawnServer = (dataDir: string, environment: Environment): SpawnedServer => {
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
  const printed = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (printed.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (printed.stderr += chunk.toString()));
  return { child, printed };
};

/** Waits until a server listens. */
export const whenListening = async (
  { child, printed }: SpawnedServer,
  dataDir: string,
  environment: Environment = {},
): Promise<ServerProcess> => {
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`The server did not start in time:\n${printed.stderr}`)),
      START_TIMEOUT_MS,
    );
    child.stdout.on("data", () => {
      const match = /Listening\s+(http:\S+)/.exec(printed.stdout);
      if (!match?.[1]) return;
      clearTimeout(timer);
      resolve(match[1]);
    });
    child.once("exit", (code) => reject(new Error(`The server ended with ${code}:\n${printed.stderr}`)));
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
      const [code, diedOf] = await exited;
      return code ?? diedOf;
    },
  };
};
