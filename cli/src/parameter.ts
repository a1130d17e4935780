import { Argument, InvalidArgumentError, Option } from "commander";

/** A parameter of a command: how it is declared, and how its raw value is read. */
export interface Parameter<Value> {
  readonly declaration: Argument | Option;
  readonly read: (raw: unknown) => Value;
}

/** A command's parameters, by the names that its handler uses. */
export type ParameterSet = Readonly<Record<string, Parameter<unknown>>>;

/** The values that a handler receives for its parameters. */
export type ValuesOf<Set extends ParameterSet> = {
  readonly [Name in keyof Set]: Set[Name] extends Parameter<infer Value> ? Value : never;
};

/** Declares a required argument. */
export const argument = (name: string, summary: string): Parameter<string> => ({
  declaration: new Argument(`<${name}>`, summary),
  read: (raw) => String(raw),
});

/** Declares a required argument with a fixed set of words. */
export const choice = <const Word extends string>(
  name: string,
  { summary, of: words }: { readonly summary: string; readonly of: readonly Word[] },
): Parameter<Word> => ({
  declaration: new Argument(`<${name}>`, summary).choices(words),
  read: (raw) => {
    const word = words.find((candidate) => candidate === raw);
    if (word !== undefined) return word;
    throw new Error(`The command line accepted an unknown word for ${name}`);
  },
});

/** Declares a required argument that can be repeated. */
export const repeatedArgument = (name: string, summary: string): Parameter<readonly string[]> => ({
  declaration: new Argument(`<${name}...>`, summary),
  read: (raw) => (Array.isArray(raw) ? raw.map(String) : []),
});

/** Declares an option with a value. */
export const text = (flags: string, summary: string): Parameter<string | undefined> => ({
  declaration: new Option(flags, summary),
  read: (raw) => (typeof raw === "string" ? raw : undefined),
});

/** Declares a required option whose value must not be blank. */
export const requiredText = (flags: string, summary: string): Parameter<string> => ({
  declaration: new Option(flags, summary).makeOptionMandatory().argParser((raw) => {
    if (/\S/.test(raw)) return raw;
    throw new InvalidArgumentError("It must not be empty.");
  }),
  read: (raw) => String(raw),
});

/** Declares an option without a value. */
export const flag = (flags: string, summary: string): Parameter<boolean> => ({
  declaration: new Option(flags, summary),
  read: (raw) => raw === true,
});

/** Declares an option whose value is a whole number of at least 0. */
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

/** How many rows of a list to show. Default: 50. */
export const limit: Parameter<number> = {
  declaration: new Option("--limit <n>", "Show at most this many").default(50).argParser((raw) => {
    if (/^[1-9]\d{0,8}$/.test(raw)) return Number(raw);
    throw new InvalidArgumentError("Give a whole number of at least 1.");
  }),
  read: (raw) => (typeof raw === "number" ? raw : 50),
};

/** Whether to show whole phone numbers. */
export const showPhones = flag("--show-phones", "Show whole phone numbers; they are masked otherwise");
