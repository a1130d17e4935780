import type { Cell, Table } from "./outcome.ts";
import { displayWidth, pad, toPrintable, truncate } from "./printable.ts";

/** The gap between two columns. */
const GAP = "  ";
/** The minimum width of a shrunk column, so that its content stays recognizable. */
const MIN_WIDTH = 8;

/** A table whose cells are cut or padded to the width of their columns. */
export interface FittedTable {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** The titles of the columns that had no room. */
  readonly leftOut: readonly string[];
}

/** Fits a table into a terminal with this many columns; `Infinity` shows all of it. */
export const fitTable = ({ columns, rows }: Table, available: number): FittedTable => {
  const printable = rows.map((row) => row.map(({ text, colour }) => ({ text: toPrintable(text), colour })));
  const fullColumns = columns.map(({ title, canShrink }, index) => ({
    canShrink,
    width: Math.max(displayWidth(title), ...printable.map((row) => displayWidth(row[index]?.text ?? ""))),
  }));
  const widths = fitWidths(fullColumns, available);
  const fit = (text: string, index: number): string => {
    const width = widths[index] ?? 0;
    const padded = pad(truncate(text, width), { width, align: columns[index]?.align ?? "left" });
    if (index < widths.length - 1) return padded + GAP;
    return columns[index]?.align === "right" ? padded : padded.trimEnd();
  };
  return {
    titles: columns.slice(0, widths.length).map(({ title }, index) => fit(title, index)),
    rows: printable.map((row) =>
      row.slice(0, widths.length).map(({ text, colour }, index) => ({ text: fit(text, index), colour })),
    ),
    leftOut: columns.slice(widths.length).map(({ title }) => title),
  };
};

/**
 * Returns how wide the columns may be. Takes room from the widest shrinkable column first. If that is not enough, it
 * leaves out the last columns, and cuts the first one if even that does not fit.
 */
export const fitWidths = (
  columns: readonly { readonly width: number; readonly canShrink: boolean }[],
  available: number,
): number[] => {
  const minWidths = columns.map(({ width, canShrink }) => (canShrink ? Math.min(width, MIN_WIDTH) : width));
  const visible = columns.filter(
    (_, index) => index === 0 || total(minWidths.slice(0, index + 1)) <= available,
  );
  const widths = visible.map(({ width }) => width);
  while (total(widths) > available) {
    const shrinkable = widths.map((width, index) => (width > (minWidths[index] ?? 0) ? width : 0));
    const widest = shrinkable.indexOf(Math.max(...shrinkable));
    if (shrinkable[widest] === 0) return [Math.max(1, available)];
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
};

const total = (widths: readonly number[]): number =>
  widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1);
