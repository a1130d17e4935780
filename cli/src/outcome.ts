import type { ExitCode } from "./exit-code.ts";

/** What text may be in on a terminal: the sixteen that every theme has. */
export type Colour = "red" | "yellow" | "green" | "gray";

/** A piece of text, and what it is in on a terminal. */
export interface Cell {
  readonly text: string;
  readonly colour?: Colour | undefined;
}

/** Columns under titles. */
export interface Table {
  readonly kind: "table";
  readonly columns: readonly {
    readonly title: string;
    /** May lose its end in a narrow terminal; the others are shown whole or not at all. */
    readonly canShrink: boolean;
    readonly align: "left" | "right";
  }[];
  readonly rows: readonly (readonly Cell[])[];
  /** What is said of no rows. */
  readonly empty: string;
}

/** A sentence, or a fact with its label before it. */
export interface OutputLine {
  readonly kind: "line";
  readonly label?: Cell;
  readonly text: string;
}

/** What a command found or did, for whoever asked. */
export interface Outcome {
  /** What `--json` prints. */
  readonly data: unknown;
  /** What people read, on standard output; `data` where they too get what `--json` prints. */
  readonly view: readonly (Table | OutputLine)[] | "data";
  /** What people should know besides; on standard error. */
  readonly notes?: readonly string[];
  /** What failed although there is something to show. */
  readonly error?: unknown;
  /** 0 unless told, or what `error` says. */
  readonly exitCode?: ExitCode;
}

/** A column of a table of `Row`s, the most important first: a narrow terminal leaves out the last ones. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => Cell | string | number | null;
  readonly canShrink?: boolean;
}

/** Lays rows out as text; `null` becomes a dash, and numbers stand right. */
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

/** A sentence, with a label before it if it has one. */
export const line = (text: string, label?: Cell): OutputLine => ({
  kind: "line",
  text,
  ...(label ? { label } : {}),
});

/** A text with its line breaks, of which what is printed has none of its own. */
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
