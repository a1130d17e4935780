import type { AuditRecord } from "@edvoyage/server";
import { defineCommand } from "../command.ts";
import { limit } from "../parameter.ts";
import { table, type Column } from "../outcome.ts";
import { moreNotes, readUpTo } from "../paging.ts";
import { instantToText } from "../time.ts";

/** `edvoyage audit list`. */
export const listAudit = defineCommand({
  summary: "List what was done and by whom, newest first",
  parameters: { limit },
  examples: ["edvoyage audit list --limit 200", "edvoyage audit list --json"],
  run: async ({ connect }, { limit }) => {
    const { client } = await connect();
    const { items, hasMore } = await readUpTo(limit, (page) => client.admin.audit.list.query(page));
    return {
      data: items,
      view: [table(auditColumns, items, { empty: "Nothing has been recorded." })],
      notes: moreNotes(hasMore),
    };
  },
});

const auditColumns: readonly Column<AuditRecord>[] = [
  { title: "AT", cell: ({ at }) => instantToText(at) },
  { title: "ACTION", cell: ({ action }) => action },
  { title: "PHONE", cell: ({ phone }) => phone },
  { title: "ACTOR", cell: ({ actor }) => actor, canShrink: true },
  { title: "REASON", cell: ({ reason }) => reason, canShrink: true },
  { title: "IP", cell: ({ ip }) => ip, canShrink: true },
  { title: "SESSION", cell: ({ sessionId }) => sessionId },
  { title: "USER", cell: ({ userId }) => userId },
];
