import type { ExitCode } from "./exit-code.ts";

/** The colours of text on a terminal, chosen from the sixteen that every theme has. */
export type Colour = "red" | "yellow" | "green" | "gray";

/** A piece of text, and its colour on a terminal. */
export interface Cell {
  readonly text: string;
  readonly colour?: Colour | undefined;
}

/** A table with titled columns. */
export interface Table {
  readonly kind: "table";
  readonly columns: readonly {
    readonly title: string;
    /** Whether it may be cut in a narrow terminal. Other columns are shown whole or not at all. */
    readonly canShrink: boolean;
    readonly align: "left" | "right";
  }[];
  readonly rows: readonly (readonly Cell[])[];
  /** The message for a table without rows. */
  readonly empty: string;
}

/** A sentence, or a value with its label before it. */
export interface OutputLine {
  readonly kind: "line";
  readonly label?: Cell;
  readonly text: string;
}

/** The result of a command. */
export interface Outcome {
  /** Printed by `--json`. */
  readonly data: unknown;
  /** Shown to people on standard output. With "data", people also get the JSON. */
  readonly view: readonly (Table | OutputLine)[] | "data";
  /** Notes for people, on standard error. */
  readonly notes?: readonly string[];
  /** A failure in spite of which there is something to show. */
  readonly error?: unknown;
  /** Default: the exit code of `error`, otherwise 0. */
  readonly exitCode?: ExitCode;
}

/** A column of a table of `Row`s. Order columns by importance: a narrow terminal leaves out the last ones. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => Cell | string | number | null;
  readonly canShrink?: boolean;
}

/** Creates a table. `null` becomes a dash, and numbers are right-aligned. */
export const table = <Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { empty }: { readonly empty: string },
): Table => {
  const values = rows.map((row) => columns.map(({ cell }) => cell(row)));
  return {
    kind: "table",
    columns: columns.map(({ title, canShrink = false }, index) => ({
      title,
      canShrink,
      align: typeof values[0]?.[index] === "number" ? "right" : "left",
    })),
    rows: values.map((row) => row.map(valueToCell)),
    empty,
  };
};

/** Creates an output line, with a label before the text if there is one. */
export const line = (text: string, label?: Cell): OutputLine => ({
  kind: "line",
  text,
  ...(label ? { label } : {}),
});

/** Creates one output line for each line of a text, because an output line has no line breaks. */
export const prose = (text: string, label: Cell): OutputLine[] =>
  text
    .split("\n")
    .map((each, place) => line(each, place === 0 ? label : { text: " ".repeat(label.text.length) }));

/** An empty line between two blocks. */
export const gap: OutputLine = line("");

const valueToCell = (value: Cell | string | number | null): Cell => {
  if (value === null || value === "") return { text: "-" };
  if (typeof value === "object") return value;
  return { text: typeof value === "number" ? value.toLocaleString("en") : value };
};
