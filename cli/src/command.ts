import type { Reason } from "@edvoyage/server";
import { Argument, type Option } from "commander";
import type { ExitName } from "./exit-code.ts";
import type { Confirm } from "./confirm.ts";
import type { Connection, ConnectOptions } from "./connection.ts";
import type { Failure } from "./failure.ts";
import type { Outcome } from "./outcome.ts";
import type { ParameterSet, ValuesOf } from "./parameter.ts";
import type { StartProgress } from "./progress.ts";
import type { Settings } from "./settings.ts";

/** The dependencies of every command. */
export interface CommandContext {
  readonly settings: Settings;
  /** Connects to the server, or opens the database. The connection is closed when the command ends. */
  connect(options?: ConnectOptions): Promise<Connection>;
  readonly startProgress: StartProgress;
  readonly confirm: Confirm;
  /** Returns the message and hints for an error, for a command that continues after it. */
  explain(error: unknown): Failure;
  now(): number;
  /** Aborted by Ctrl-C. Running calls then end by themselves. */
  readonly interrupted: AbortSignal;
}

/** When a command ends with an exit code, by the code's name. Codes that any command may end with are left out. */
export type CommandExits = Partial<Readonly<Record<ExitName, string>>>;

/** A command: its description, and its handler. */
export interface CommandDefinition<Set extends ParameterSet> {
  readonly summary: string;
  /** Arguments are in the order of the command line. */
  readonly parameters: Set;
  readonly examples: readonly string[];
  readonly exits?: CommandExits;
  /** Hints for errors that the server reports, by reason. */
  readonly hints?: Partial<Readonly<Record<Reason, string>>>;
  run(context: CommandContext, values: ValuesOf<Set>): Promise<Outcome>;
}

/** The raw values from the command line. */
export interface RawValues {
  readonly args: readonly unknown[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** A command whose parameter types are hidden. */
export interface Command {
  readonly summary: string;
  readonly declarations: readonly (Argument | Option)[];
  readonly examples: readonly string[];
  readonly exits: CommandExits;
  readonly hints: Partial<Readonly<Record<Reason, string>>>;
  run(context: CommandContext, raw: RawValues): Promise<Outcome>;
}

/** Defines a command, and checks its handler against the types of its parameters. */
export const defineCommand = <Set extends ParameterSet>(definition: CommandDefinition<Set>): Command => {
  const { summary, parameters, examples, exits = {}, hints = {}, run } = definition;
  return {
    summary,
    declarations: Object.values(parameters).map(({ declaration }) => declaration),
    examples,
    exits,
    hints,
    run: (context, raw) => run(context, readValues(parameters, raw)),
  };
};

/** Reads the raw value of each parameter. */
export const readValues = <Set extends ParameterSet>(
  set: Set,
  { args, options }: RawValues,
): ValuesOf<Set> => {
  const remainingArgs = [...args];
  const values = Object.entries(set).map(([name, { declaration, read }]) => [
    name,
    read(declaration instanceof Argument ? remainingArgs.shift() : options[declaration.attributeName()]),
  ]);
  return Object.fromEntries(values) as ValuesOf<Set>;
};
