import { Argument, Command as Program, type Option, type OutputConfiguration } from "commander";
import type { Command, CommandExits, RawValues } from "./command.ts";
import type { Noun } from "./commands.ts";
import { EXIT_MEANINGS, exitsToRows } from "./exit-code.ts";
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
    .addHelpText("after", `${section("Exit codes", exitsToLines(EXIT_MEANINGS))}\n\n${TOKEN_SOURCE}`);
  for (const { declaration } of Object.values(globalParameters)) declare(program, declaration);

  const add = (parent: Program, name: string, command: Command): void => {
    const built = parent.command(name).summary(command.summary).description(`${command.summary}.`);
    for (const declaration of command.declarations) declare(built, declaration);
    built.addHelpText("after", section("Examples", command.examples));
    const exits = exitsToLines(command.exits);
    if (exits.length > 0) built.addHelpText("after", section("Exit codes", exits));
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

const section = (title: string, lines: readonly string[]): string =>
  ["", `${title}:`, ...lines.map((line) => `  ${line}`)].join("\n");

const exitsToLines = (exits: CommandExits): readonly string[] =>
  exitsToRows(exits).map(([code, meaning]) => `${String(code).padEnd(WIDEST_CODE)}  ${meaning}`);

const WIDEST_CODE = "130".length;

const TOKEN_SOURCE = "The admin token comes from EDVOYAGE_ADMIN_TOKEN, otherwise from the data folder.";
