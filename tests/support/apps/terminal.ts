import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const BIN = fileURLToPath(new URL("../../../cli/bin/edvoyage.js", import.meta.url));

/** The output and exit code of a command. */
export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the CLI as a child process with pipes, as a script would. */
export const runTerminal = async (
  words: readonly string[],
  {
    environment = {},
    input = "",
  }: { readonly environment?: Readonly<Record<string, string>>; readonly input?: string } = {},
): Promise<Ended> => {
  const child = spawn(process.execPath, [BIN, ...words], {
    env: { PATH: process.env["PATH"], ...environment },
  });
  const printed = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (printed.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (printed.stderr += chunk.toString()));
  child.stdin.end(input);
  const [exitCode] = await once(child, "close");
  return { exitCode, ...printed };
};
