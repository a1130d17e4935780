import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { temporaryFolder } from "../databases/databases.ts";
import { until } from "../network/sync-client.ts";
import { spawnServer, whenListening } from "../servers/spawned-server.ts";
import { stepsOf, type PageStep } from "./page-steps.ts";
import { createTranscript } from "./transcript.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const PROMPT = "The code that the server shows: ";

/** A reader who follows pages word for word, against a server of their own. */
export interface PageReader {
  readonly url: string;
  /** Repeats the steps of a page in their order. Returns the first one that did not do what the page shows. */
  follow(page: string, options?: FollowOptions): Promise<string | undefined>;
  /** Runs one command of a page. */
  run(command: string): Promise<Output>;
  /** Stops the server, as Ctrl-C does. */
  stopServer(): Promise<void>;
}

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

interface FollowOptions {
  /** Commands that are left out: those that contain one of these texts. */
  readonly without?: readonly string[];
  /** Commands that run until they are stopped: those that contain one of these texts. */
  readonly endless?: readonly string[];
}

/** Starts a server as `npm start` does, except that it listens on a free port and has a temporary data folder. */
export const createPageReader = async (): Promise<PageReader> => {
  const dataDir = temporaryFolder();
  const spawned = spawnServer(dataDir, { EDVOYAGE_SMS: "console", EDVOYAGE_SEED: "demo" });
  onTestFinished(() => void spawned.child.kill("SIGKILL"));
  const server = await whenListening(spawned, dataDir);
  const transcript = createTranscript({
    "http://127.0.0.1:4000": server.url,
    "ws://127.0.0.1:4000": server.url.replace("http:", "ws:"),
    "/srv/edvoyage/data": dataDir,
    "/tmp/my-phone": temporaryFolder(),
  });
  /** `KEY=…` and the like of the commands so far: a reader has one shell. */
  const variables: string[] = [];

  const runUntil = async (command: string, isEnough: (stdout: string) => boolean): Promise<Output> => {
    const script = transcript.toThisRun(command);
    const child = spawn("bash", ["-c", [...variables, script].join("\n")], {
      cwd: ROOT,
      env: { ...process.env, EDVOYAGE_DATA_DIR: dataDir },
      // Its own group, so that its children are stopped with it.
      detached: true,
    });
    variables.push(...script.split("\n").filter((line) => /^(export .*|[A-Z]+=\S+)$/.test(line)));
    const { pid } = child;
    const output = { stdout: "", stderr: "" };
    const stop = (): void => {
      if (pid !== undefined && child.exitCode === null && child.signalCode === null)
        process.kill(-pid, "SIGKILL");
    };
    onTestFinished(stop);
    child.stdout.on("data", (chunk: Buffer) => {
      output.stdout += chunk.toString();
      if (output.stdout.endsWith(PROMPT)) child.stdin.write(`${newestCode(spawned.printed.stdout)}\n`);
      if (isEnough(output.stdout)) stop();
    });
    child.stderr.on("data", (chunk: Buffer) => (output.stderr += chunk.toString()));
    await once(child, "close");
    return output;
  };

  /** Returns what was wrong. */
  const repeat = async (step: PageStep, { endless = [] }: FollowOptions): Promise<string | undefined> => {
    if (step.kind === "server-prints") {
      await until(() => transcript.isShown(step.prints, spawned.printed.stdout));
      return undefined;
    }
    const { command, prints } = step;
    const isEndless = endless.some((text) => command.includes(text));
    const isShown = (stdout: string): boolean => prints !== undefined && transcript.isShown(prints, stdout);
    const { stdout, stderr } = await runUntil(command, (printed) => isEndless && isShown(printed));
    const isRight =
      prints === undefined ? !/"error":|edvoyage: |Error: /.test(stdout + stderr) : isShown(stdout);
    return isRight ? undefined : `${command}\nprinted\n${stdout}\n${stderr}`;
  };

  return {
    url: server.url,
    run: (command) => runUntil(command, () => false),
    follow: async (page, options = {}) => {
      for (const step of stepsOf(page)) {
        if (step.kind === "command" && options.without?.some((text) => step.command.includes(text))) continue;
        const fault = await repeat(step, options);
        if (fault !== undefined) return fault;
      }
      return undefined;
    },
    stopServer: async () => {
      await server.end("SIGINT");
    },
  };
};

const newestCode = (printed: string): string | undefined =>
  [...printed.matchAll(/SMS to \S+: (\d+)/g)].at(-1)?.[1];
