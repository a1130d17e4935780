import { fitTable } from "./columns.ts";
import type { Failure } from "./failure.ts";
import type { OutputLine, Outcome, Table } from "./outcome.ts";
import { toPrintable } from "./printable.ts";
import { hasDrawing, loadDrawing, terminalWidth } from "./terminal.ts";

/** How a command speaks: to scripts, into a pipe, or to somebody at a terminal. */
export type Mode = "json" | "plain" | "terminal";

/** Drawing is for those who look, and never for scripts. */
export const chooseMode = (isJson: boolean): Mode => {
  if (isJson) return "json";
  return hasDrawing() ? "terminal" : "plain";
};

/** Prints what a command found: data on standard output, words on standard error. */
export const printOutcome = async ({ data, view, notes = [] }: Outcome, mode: Mode): Promise<void> => {
  if (view === "data") {
    printJson(process.stdout, data);
    for (const note of notes) printNote(note);
    return;
  }
  switch (mode) {
    case "json":
      printJson(process.stdout, data);
      break;
    case "plain":
      process.stdout.write(viewToText(view));
      break;
    case "terminal":
      process.stdout.write((await loadDrawing()).drawView(view, terminalWidth()));
      break;
  }
  const emptiness = view.flatMap((block) =>
    block.kind === "table" && block.rows.length === 0 ? block.empty : [],
  );
  for (const note of mode === "json" ? notes : [...emptiness, ...notes]) printNote(note);
};

/** Says what went wrong, and then what to do about it. */
export const printFailure = ({ reason, message, details, hints }: Failure, mode: Mode): void => {
  if (mode === "json") return printJson(process.stderr, { error: { reason, message, details } });
  for (const sentence of [...message.split("\n"), ...hints]) printNote(sentence);
};

/** One line on standard error. */
export const printNote = (note: string): void => {
  process.stderr.write(`${toPrintable(note)}\n`);
};

const printJson = (stream: NodeJS.WriteStream, value: unknown): void => {
  // JSON may hold these as they are; a terminal that shows it obeys them.
  const harmless = JSON.stringify(value, undefined, 2).replaceAll(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  stream.write(`${harmless}\n`);
};

/** The view without colours or limits of width; a table without rows is told apart, as a note. */
const viewToText = (view: readonly (Table | OutputLine)[]): string =>
  view
    .flatMap((block) => (block.kind === "table" ? tableToLines(block) : lineToText(block)))
    .map((text) => `${text.trimEnd()}\n`)
    .join("");

const tableToLines = (table: Table): string[] => {
  if (table.rows.length === 0) return [];
  const { titles, rows } = fitTable(table, Infinity);
  return [titles.join(""), ...rows.map((row) => row.map(({ text }) => text).join(""))];
};

const lineToText = ({ label, text }: OutputLine): string =>
  label ? `${toPrintable(label.text)}  ${toPrintable(text)}` : toPrintable(text);
