import type { Command, CommandContext, RawValues } from "./command.ts";
import { createConfirm } from "./confirm.ts";
import { openConnection, targetToUrl, type Connection } from "./connection.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import { CommandError, errorToFailure, type Failure } from "./failure.ts";
import { chooseMode, printFailure, printNote, printOutcome } from "./print.ts";
import { createStartProgress } from "./progress.ts";
import { readSettings, type GlobalValues, type Settings } from "./settings.ts";

/** Runs a command, prints its result, and resolves with the exit code of the program. */
export const runCommand = async (
  command: Command,
  { globals, raw }: { readonly globals: GlobalValues; readonly raw: RawValues },
): Promise<ExitCode> => {
  const mode = chooseMode(globals.json);
  const interruption = new AbortController();
  const connections: Connection[] = [];
  let settings: Settings | undefined;

  const explain = (error: unknown): Failure => {
    if (interruption.signal.aborted) return toInterruption(error);
    const url = settings ? targetToUrl(settings) : "";
    return errorToFailure(error, { url, tokenAdvice: settings?.tokenAdvice ?? "", hints: command.hints });
  };
  const fail = (error: unknown): ExitCode => {
    const failure = explain(error);
    printFailure(failure, mode);
    return failure.exitCode;
  };

  const interrupt = (): void => {
    // A second Ctrl-C exits at once.
    if (interruption.signal.aborted) process.exit(EXIT.interrupted);
    interruption.abort();
  };
  process.on("SIGINT", interrupt);
  try {
    settings = readSettings(globals, process.env);
    const outcome = await command.run(createContext(settings), raw);
    await printOutcome(outcome, mode);
    return outcome.error === undefined ? (outcome.exitCode ?? EXIT.done) : fail(outcome.error);
  } catch (error) {
    return fail(error);
  } finally {
    for (const connection of connections) await connection.close();
    process.off("SIGINT", interrupt);
  }

  function createContext(chosen: Settings): CommandContext {
    return {
      settings: chosen,
      connect: async (options) => {
        const connection = await openConnection(chosen, interruption.signal, options);
        connections.push(connection);
        if (connection.note !== undefined && mode !== "json") printNote(connection.note);
        return connection;
      },
      startProgress: createStartProgress(mode),
      confirm: createConfirm(mode, { isConfirmed: globals.yes }),
      explain,
      now: () => Date.now(),
      interrupted: interruption.signal,
    };
  }
};

/**
 * Reports any error after Ctrl-C as an interruption. A message of the command itself is kept, because it says how far
 * it got.
 */
const toInterruption = (error: unknown): Failure => ({
  reason: "interrupted",
  message: error instanceof CommandError ? error.message : "Interrupted.",
  details: error instanceof CommandError ? error.details : {},
  hints: error instanceof CommandError ? error.hints : [],
  exitCode: EXIT.interrupted,
});
