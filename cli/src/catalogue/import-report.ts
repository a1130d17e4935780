import type { ImportReport } from "@edvoyage/server";

/** What an import of no entries did. */
export const emptyReport: ImportReport = { created: 0, updated: 0, unchanged: 0, skipped: [] };

/** What two parts of an import did together. */
export const addReports = (one: ImportReport, other: ImportReport): ImportReport => ({
  created: one.created + other.created,
  updated: one.updated + other.updated,
  unchanged: one.unchanged + other.unchanged,
  skipped: [...one.skipped, ...other.skipped],
});

/** Why entries were skipped, the most frequent reason first; reasons that differ in a name are one. */
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
