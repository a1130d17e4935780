import type { RpcClient } from "@edvoyage/client-sdk/rpc";
import type { ImportReport } from "@edvoyage/server";
import { randomUUID } from "node:crypto";
import { defineCommand, type CommandContext } from "../command.ts";
import { argument, flag } from "../parameter.ts";
import { EXIT } from "../exit-code.ts";
import { CommandError } from "../failure.ts";
import { gap, line, table, type Column, type OutputLine, type Table } from "../outcome.ts";
import { readEntries, splitEntries } from "./entries.ts";
import { addReports, countReasons, emptyReport } from "./import-report.ts";

/** `edvoyage catalogue import`. */
export const importCatalogue = defineCommand({
  summary: "Add universities, or fill in missing details; importing a file twice changes nothing",
  parameters: {
    file: argument("file", "JSON: an array of universities; - is standard input"),
    verbose: flag("--verbose", "List every entry that was skipped"),
  },
  examples: [
    "edvoyage catalogue import world-universities.json",
    "curl -s https://example.org/universities.json | edvoyage catalogue import - --json",
  ],
  exits: {
    failed: "The import stopped after some entries. Running it again is safe.",
  },
  run: async (context, { file, verbose }) => {
    const entries = await readEntries(file, context.interrupted);
    const { client } = await context.connect();
    const report = await sendEntries(client, entries, context);
    return { data: { entries: entries.length, ...report }, view: reportToView(report, verbose) };
  },
});

const sendEntries = async (
  client: RpcClient,
  entries: readonly unknown[],
  { startProgress, explain }: CommandContext,
): Promise<ImportReport> => {
  const importId = randomUUID();
  const progress = await startProgress({ label: "Importing", total: entries.length });
  let report = emptyReport;
  let offset = 0;
  try {
    for (const part of splitEntries(entries)) {
      const partReport = await client.admin.catalogue.import.mutate({ importId, offset, entries: [...part] });
      report = addReports(report, partReport);
      offset += part.length;
      progress.report(offset);
    }
    return report;
  } catch (cause) {
    if (offset === 0) throw cause;
    const { reason, message, hints } = explain(cause);
    const [done, all] = [offset, entries.length].map((count) => count.toLocaleString("en"));
    throw new CommandError(reason, `The import stopped after ${done} of ${all} entries: ${message}`, {
      hints: ["Running it again is safe: entries that were already imported stay as they are.", ...hints],
      details: { imported: offset, entries: entries.length },
      exitCode: EXIT.failed,
      cause,
    });
  } finally {
    progress.stop();
  }
};

const reportToView = (report: ImportReport, isVerbose: boolean): (OutputLine | Table)[] => {
  const { created, updated, unchanged, skipped } = report;
  const counts = Object.entries({ created, updated, unchanged, skipped: skipped.length });
  const width = Math.max(...counts.map(([, count]) => count.toLocaleString("en").length));
  const summary = counts.map(([what, count]) =>
    line(count.toLocaleString("en").padStart(width), { text: what.padEnd("unchanged".length) }),
  );
  if (skipped.length === 0) return summary;
  return [
    ...summary,
    gap,
    table(reasonColumns, countReasons(skipped), { empty: "" }),
    ...(isVerbose ? [gap, table(skippedColumns, skipped, { empty: "" })] : []),
  ];
};

const reasonColumns: readonly Column<ReturnType<typeof countReasons>[number]>[] = [
  { title: "SKIPPED", cell: ({ count }) => count },
  { title: "BECAUSE", cell: ({ reason }) => reason, canShrink: true },
];

const skippedColumns: readonly Column<ImportReport["skipped"][number]>[] = [
  { title: "ENTRY", cell: ({ index }) => index },
  { title: "NAME", cell: ({ name }) => name, canShrink: true },
  { title: "BECAUSE", cell: ({ reason }) => reason, canShrink: true },
];
