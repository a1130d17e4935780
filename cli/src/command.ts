import type { Reason } from "@edvoyage/server";
import { Argument, InvalidArgumentError, Option } from "commander";
import type { Confirm } from "./confirm.ts";
import type { Connection, ConnectOptions } from "./connection.ts";
import type { Failure } from "./failure.ts";
import type { Outcome } from "./outcome.ts";
import type { StartProgress } from "./progress.ts";
import type { Settings } from "./settings.ts";

/** Something that a command is given: how it is written, and how what was written becomes a value. */
export interface Parameter<Value> {
  readonly declaration: Argument | Option;
  readonly read: (raw: unknown) => Value;
}

/** A command's parameters by the names that its handler knows them by. */
export type ParameterSet = Readonly<Record<string, Parameter<unknown>>>;

/** What a handler gets for its parameters. */
export type ValuesOf<Set extends ParameterSet> = {
  readonly [Name in keyof Set]: Set[Name] extends Parameter<infer Value> ? Value : never;
};

/** What every command can reach. */
export interface CommandContext {
  readonly settings: Settings;
  /** The server, or the database; closed when the command ends. */
  connect(options?: ConnectOptions): Promise<Connection>;
  readonly startProgress: StartProgress;
  readonly confirm: Confirm;
  /** The words for something thrown, for a command that goes on after it. */
  explain(error: unknown): Failure;
  now(): number;
  /** Aborted by Ctrl-C; calls end by themselves. */
  readonly interrupted: AbortSignal;
}

/** A command: data, and a handler. */
export interface CommandDefinition<Set extends ParameterSet> {
  readonly summary: string;
  /** In the order of its arguments. */
  readonly parameters: Set;
  readonly examples: readonly string[];
  /** What to do when the server refuses for a reason. */
  readonly hints?: Partial<Readonly<Record<Reason, string>>>;
  run(context: CommandContext, values: ValuesOf<Set>): Promise<Outcome>;
}

/** What was written on the command line, before it is read. */
export interface RawValues {
  readonly args: readonly unknown[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** A command whose parameters nobody else needs to know. */
export interface Command {
  readonly summary: string;
  readonly declarations: readonly (Argument | Option)[];
  readonly examples: readonly string[];
  readonly hints: Partial<Readonly<Record<Reason, string>>>;
  run(context: CommandContext, raw: RawValues): Promise<Outcome>;
}

/** Ties a handler to its parameters; their types meet here and nowhere else. */
export const defineCommand = <Set extends ParameterSet>(definition: CommandDefinition<Set>): Command => {
  const { summary, parameters, examples, hints = {}, run } = definition;
  return {
    summary,
    declarations: Object.values(parameters).map(({ declaration }) => declaration),
    examples,
    hints,
    run: (context, raw) => run(context, readValues(parameters, raw)),
  };
};

/** Gives each parameter what was written for it. */
export const readValues = <Set extends ParameterSet>(
  set: Set,
  { args, options }: RawValues,
): ValuesOf<Set> => {
  const waiting = [...args];
  const values = Object.entries(set).map(([name, { declaration, read }]) => [
    name,
    read(declaration instanceof Argument ? waiting.shift() : options[declaration.attributeName()]),
  ]);
  return Object.fromEntries(values) as ValuesOf<Set>;
};

/** One word that must be there. */
export const argument = (name: string, summary: string): Parameter<string> => ({
  declaration: new Argument(`<${name}>`, summary),
  read: (raw) => String(raw),
});

/** One word of a few, that must be there. */
export const choice = <const Word extends string>(
  name: string,
  { summary, of: words }: { readonly summary: string; readonly of: readonly Word[] },
): Parameter<Word> => ({
  declaration: new Argument(`<${name}>`, summary).choices(words),
  read: (raw) => {
    const word = words.find((one) => one === raw);
    if (word !== undefined) return word;
    throw new Error(`The command line took a word for ${name} that there is not`);
  },
});

/** One or more words. */
export const repeatedArgument = (name: string, summary: string): Parameter<readonly string[]> => ({
  declaration: new Argument(`<${name}...>`, summary),
  read: (raw) => (Array.isArray(raw) ? raw.map(String) : []),
});

/** An option with a value. */
export const text = (flags: string, summary: string): Parameter<string | undefined> => ({
  declaration: new Option(flags, summary),
  read: (raw) => (typeof raw === "string" ? raw : undefined),
});

/** An option that must be there and say something. */
export const requiredText = (flags: string, summary: string): Parameter<string> => ({
  declaration: new Option(flags, summary).makeOptionMandatory().argParser((raw) => {
    if (/\S/.test(raw)) return raw;
    throw new InvalidArgumentError("It says nothing.");
  }),
  read: (raw) => String(raw),
});

/** An option without one. */
export const flag = (flags: string, summary: string): Parameter<boolean> => ({
  declaration: new Option(flags, summary),
  read: (raw) => raw === true,
});

/** An option with a whole number of at least 0. */
export const wholeNumber = (
  flags: string,
  summary: string,
  { fallback }: { readonly fallback: number },
): Parameter<number> => ({
  declaration: new Option(flags, summary).default(fallback).argParser((raw) => {
    if (/^\d{1,10}$/.test(raw)) return Number(raw);
    throw new InvalidArgumentError("Give a whole number.");
  }),
  read: (raw) => (typeof raw === "number" ? raw : fallback),
});

/** How many rows of a list, 50 unless told. */
export const limit: Parameter<number> = {
  declaration: new Option("--limit <n>", "How many at the most").default(50).argParser((raw) => {
    if (/^[1-9]\d{0,8}$/.test(raw)) return Number(raw);
    throw new InvalidArgumentError("Give a whole number of at least 1.");
  }),
  read: (raw) => (typeof raw === "number" ? raw : 50),
};

/** Whether whole phone numbers are shown. */
export const showPhones = flag("--show-phones", "Show whole phone numbers; they are masked otherwise");
