import { Argument, Command as Program, type Option, type OutputConfiguration } from "commander";
import type { Command, RawValues } from "./command.ts";
import type { Noun } from "./commands.ts";
import { globalParameters } from "./settings.ts";

/** The commands of the program, and what to do with the chosen one. */
export interface ProgramOptions {
  readonly version: string;
  readonly nouns: Readonly<Record<string, Noun>>;
  readonly verbs: Readonly<Record<string, Command>>;
  /** Where help and usage errors are printed. */
  readonly output: OutputConfiguration;
  /** Called for the command that was chosen. */
  readonly onCommand: (
    command: Command,
    written: { readonly raw: RawValues; readonly globals: Readonly<Record<string, unknown>> },
  ) => Promise<void>;
}

/** Creates the command line. Parsing throws `CommanderError`, also for help. */
export const createProgram = ({ version, nouns, verbs, output, onCommand }: ProgramOptions): Program => {
  const program = new Program("edvoyage")
    .description(
      "Manage EdVoyage from a terminal: who is signed in, which numbers are blocked and why, and more.",
    )
    .version(version)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput(output)
    .showHelpAfterError("Add --help to see how to use it.")
    .exitOverride()
    .addHelpText("after", EXIT_CODES);
  for (const { declaration } of Object.values(globalParameters)) declare(program, declaration);

  const add = (parent: Program, name: string, command: Command): void => {
    const built = parent.command(name).summary(command.summary).description(`${command.summary}.`);
    for (const declaration of command.declarations) declare(built, declaration);
    built.addHelpText(
      "after",
      ["", "Examples:", ...command.examples.map((example) => `  ${example}`)].join("\n"),
    );
    built.action(() =>
      onCommand(command, {
        raw: { args: built.processedArgs, options: built.opts() },
        globals: program.opts(),
      }),
    );
  };

  for (const [name, noun] of Object.entries(nouns)) {
    const group = program.command(name).summary(noun.summary).description(`${noun.summary}.`);
    for (const [verb, command] of Object.entries(noun.verbs)) add(group, verb, command);
  }
  for (const [verb, command] of Object.entries(verbs)) add(program, verb, command);
  return program;
};

const declare = (program: Program, declaration: Argument | Option): void => {
  if (declaration instanceof Argument) program.addArgument(declaration);
  else program.addOption(declaration);
};

/**
 * Keeps `--db` from taking the next word if it is not a URL, so that `--db` can stand anywhere: `edvoyage --db
 * sessions list`.
 */
export const separateDb = (words: readonly string[]): string[] =>
  words.map((word, index) =>
    word === "--db" && !/^[a-z]{3,}:/i.test(words[index + 1] ?? "") ? "--db=" : word,
  );

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 not allowed, 5 conflict, 6 unreachable, 130 Ctrl-C.
The admin token comes from EDVOYAGE_ADMIN_TOKEN, otherwise from the data folder.`;
