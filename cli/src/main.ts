import { CommanderError } from "commander";
import { readFileSync } from "node:fs";
import { readValues } from "./command.ts";
import { nouns, verbs } from "./commands.ts";
import { EXIT } from "./exit-code.ts";
import { printFailure } from "./print.ts";
import { createProgram, separateDb } from "./program.ts";
import { runCommand } from "./run.ts";
import { globalParameters } from "./settings.ts";

/** Runs the command line. Sets the exit code instead of exiting, so that all output is written first. */
const main = async (words: readonly string[]): Promise<void> => {
  // Checked before parsing, because an option may be what is wrong.
  const isJson = words.includes("--json");
  const program = createProgram({
    version: readVersion(),
    nouns,
    verbs,
    output: isJson ? { writeErr: () => {} } : {},
    onCommand: async (command, { raw, globals }) => {
      process.exitCode = await runCommand(command, {
        globals: readValues(globalParameters, { args: [], options: globals }),
        raw,
      });
    },
  });
  try {
    await program.parseAsync(separateDb(words), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (isJson && error.exitCode !== 0) printUsageError(error);
  }
};

const printUsageError = ({ code, message }: CommanderError): void => {
  const text = code === "commander.help" ? "A command is missing." : message.replace(/^error: /, "");
  printFailure(
    { reason: "input/invalid", message: text, details: {}, hints: [], exitCode: EXIT.usage },
    "json",
  );
};

const readVersion = (): string => {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  if (typeof manifest === "object" && manifest !== null && "version" in manifest)
    return String(manifest.version);
  throw new Error("cli/package.json has no version");
};

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // The reader has closed the pipe, as `| head` does.
    if (error.code === "EPIPE") process.exit(EXIT.done);
    throw error;
  });
}

await main(process.argv.slice(2));
