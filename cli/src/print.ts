import { fitTable } from "./columns.ts";
import type { Failure } from "./failure.ts";
import type { OutputLine, Outcome, Table } from "./outcome.ts";
import { toPrintable } from "./printable.ts";
import { hasDrawing, loadDrawing, terminalWidth } from "./terminal.ts";

/** How a command prints its result: for scripts, into a pipe, or on a terminal. */
export type Mode = "json" | "plain" | "terminal";

/** Chooses how to print. Only a terminal gets a drawing, and a script never does. */
export const chooseMode = (isJson: boolean): Mode => {
  if (isJson) return "json";
  return hasDrawing() ? "terminal" : "plain";
};

/** Prints the result of a command: data on standard output, notes on standard error. */
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
  const emptyTableNotes = view.flatMap((block) =>
    block.kind === "table" && block.rows.length === 0 ? block.empty : [],
  );
  for (const note of mode === "json" ? notes : [...emptyTableNotes, ...notes]) printNote(note);
};

/** Prints what went wrong, and then what to do about it. */
export const printFailure = ({ reason, message, details, hints }: Failure, mode: Mode): void => {
  if (mode === "json") return printJson(process.stderr, { error: { reason, message, details } });
  for (const sentence of [...message.split("\n"), ...hints]) printNote(sentence);
};

/** Prints one line on standard error. */
export const printNote = (note: string): void => {
  process.stderr.write(`${toPrintable(note)}\n`);
};

const printJson = (stream: NodeJS.WriteStream, value: unknown): void => {
  // JSON allows these characters, but a terminal that shows it would act on them.
  const escaped = JSON.stringify(value, undefined, 2).replaceAll(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  stream.write(`${escaped}\n`);
};

/** Returns the view without colours or width limits. A table without rows is reported separately, as a note. */
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
