import { Box, renderToString, Text } from "ink";
import { fitTable } from "./columns.ts";
import type { Cell, OutputLine, Table } from "./outcome.ts";
import { displayWidth, toPrintable, wrap } from "./printable.ts";

/** Draws a view for a terminal with this many columns. The text ends with a line break. */
export const drawView = (view: readonly (Table | OutputLine)[], columns: number): string => {
  const blocks = view.filter((block) => block.kind === "line" || block.rows.length > 0);
  if (blocks.length === 0) return "";
  return `${renderToString(<View blocks={blocks} columns={columns} />, { columns })}\n`;
};

const View = ({ blocks, columns }: { blocks: readonly (Table | OutputLine)[]; columns: number }) => (
  <Box flexDirection="column">
    {blocks.map((block, index) =>
      block.kind === "table" ? (
        <TableView key={index} table={block} columns={columns} />
      ) : (
        <LineView key={index} line={block} columns={columns} />
      ),
    )}
  </Box>
);

const TableView = ({ table, columns }: { table: Table; columns: number }) => {
  const { titles, rows, leftOut } = fitTable(table, columns);
  return (
    <>
      <Text bold wrap="truncate-end">
        {titles.join("")}
      </Text>
      {rows.map((row, index) => (
        <Text key={index} wrap="truncate-end">
          {row.map((cell, column) => (
            <CellView key={column} cell={cell} />
          ))}
        </Text>
      ))}
      {leftOut.length > 0 && (
        <Text dimColor>
          {wrap(`No room for ${leftOut.join(", ")}: widen the terminal, or use --json.`, columns).join("\n")}
        </Text>
      )}
    </>
  );
};

const LABEL_GAP = 2;

const LineView = ({ line: { label, text }, columns }: { line: OutputLine; columns: number }) => {
  const labelText = label ? toPrintable(label.text) : "";
  const room = columns - (label ? displayWidth(labelText) + LABEL_GAP : 0);
  return (
    <Box gap={LABEL_GAP}>
      {label && (
        <Box flexShrink={0}>
          <CellView cell={{ ...label, text: labelText }} />
        </Box>
      )}
      {/* Wrapped here, because Ink would start a line with the space at which it breaks. */}
      <Text>{wrap(toPrintable(text), room).join("\n") || " "}</Text>
    </Box>
  );
};

const CellView = ({ cell: { text, colour } }: { cell: Cell }) =>
  colour ? <Text color={colour}>{text}</Text> : <Text>{text}</Text>;
