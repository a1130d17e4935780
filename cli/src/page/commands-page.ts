import { Argument, type Option } from "commander";
import type { Command } from "../command.ts";
import { nouns, verbs } from "../commands.ts";
import { EXIT_MEANINGS, exitsToRows } from "../exit-code.ts";
import { globalParameters } from "../settings.ts";

/** The line of the page above which people write, and below which everything is generated. */
const MARKER =
  "<!-- Generated from cli/src: change the commands, then run `npm run docs:cli`. The text above is written by hand. -->";

/**
 * Returns the page of the terminal program: the hand-written head of the present page, and a reference of every
 * command. Throws if the page has no marker.
 */
export const createCommandsPage = (present: string): string => {
  const [head, ...rest] = present.split(MARKER);
  if (head === undefined || rest.length !== 1) throw new Error(`The page needs this line once: ${MARKER}`);
  const sections = [
    "## Options of every command",
    table(
      ["option", "meaning"],
      Object.values(globalParameters).map(({ declaration }) => declaration),
    ),
    "## Exit codes",
    exitTable(EXIT_MEANINGS),
    ...Object.entries(nouns).flatMap(([name, { summary, verbs: commands }]) => [
      `## ${name}`,
      `${summary}.`,
      ...Object.entries(commands).flatMap(([verb, command]) => commandToSections(`${name} ${verb}`, command)),
    ]),
    ...Object.entries(verbs).flatMap(([name, command]) => commandToSections(name, command, "##")),
  ];
  return `${head}${MARKER}\n\n${sections.join("\n\n")}\n`;
};

const commandToSections = (name: string, command: Command, level = "###"): readonly string[] => {
  const { summary, declarations, examples, exits } = command;
  const args = declarations.filter((declaration) => declaration instanceof Argument);
  const options = declarations.filter((declaration) => !(declaration instanceof Argument));
  const usage = ["npx edvoyage", name, ...args.map(argumentToText), "[options]"].join(" ");
  return [
    `${level} ${name}`,
    `${summary}.`,
    `\`${usage}\``,
    ...(args.length > 0 ? [table(["argument", "meaning"], args)] : []),
    ...(options.length > 0 ? [table(["option", "meaning"], options)] : []),
    ...(exitsToRows(exits).length > 0 ? [exitTable(exits)] : []),
    ["```text", ...examples, "```"].join("\n"),
  ];
};

const argumentToText = (argument: Argument): string =>
  argument.variadic ? `<${argument.name()}...>` : `<${argument.name()}>`;

const table = (head: readonly [string, string], declarations: readonly (Argument | Option)[]): string =>
  rows(
    head,
    declarations.map((declaration) => [
      `\`${declaration instanceof Argument ? argumentToText(declaration) : declaration.flags}\``,
      describe(declaration),
    ]),
  );

const exitTable = (exits: Parameters<typeof exitsToRows>[0]): string =>
  rows(
    ["exit code", "when"],
    exitsToRows(exits).map(([code, meaning]) => [String(code), meaning]),
  );

const describe = (declaration: Argument | Option): string => {
  const { description, argChoices, defaultValue } = declaration;
  return [
    `${description}.`,
    ...(argChoices ? [`One of ${argChoices.map((choice) => `\`${choice}\``).join(", ")}.`] : []),
    ...(defaultValue === undefined ? [] : [`Default: ${String(defaultValue)}.`]),
    ...(!(declaration instanceof Argument) && declaration.mandatory ? ["Required."] : []),
  ].join(" ");
};

const rows = (head: readonly string[], cells: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...cells]
    .map((row) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");
