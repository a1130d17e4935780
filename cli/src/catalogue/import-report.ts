import type { ImportReport } from "@edvoyage/server";

/** The report of an import without entries. */
export const emptyReport: ImportReport = { created: 0, updated: 0, unchanged: 0, skipped: [] };

/** Adds up the reports of two parts of an import. */
export const addReports = (one: ImportReport, other: ImportReport): ImportReport => ({
  created: one.created + other.created,
  updated: one.updated + other.updated,
  unchanged: one.unchanged + other.unchanged,
  skipped: [...one.skipped, ...other.skipped],
});

/**
 * Counts why entries were skipped, the most frequent reason first. Reasons that differ only in a name count together.
 */
export const countReasons = (skipped: ImportReport["skipped"]) => {
  const counts = new Map<string, number>();
  for (const { reason } of skipped) {
    const kind = reason.replace(/".*"/, "another");
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts]
    .map(([reason, count]) => ({ reason, count }))
    .sort((one, other) => other.count - one.count);
};
