import type { DeadPush } from "@edvoyage/server";
import { defineCommand } from "../command.ts";
import { limit } from "../parameter.ts";
import { table, type Column } from "../outcome.ts";
import { moreNotes, readUpTo } from "../paging.ts";
import { durationToText, instantAndDistance } from "../time.ts";

/** `edvoyage push list`. */
export const listPushes = defineCommand({
  summary:
    "List push notifications that failed for good in the last 30 days, newest first, with the provider's error",
  parameters: { limit },
  examples: ["edvoyage push list", "edvoyage push list --json --limit 1000"],
  run: async ({ connect, now }, { limit }) => {
    const { client } = await connect();
    const { items, hasMore } = await readUpTo(limit, (page) => client.admin.push.list.query(page));
    return {
      data: items,
      view: [table(pushColumns(now()), items, { empty: "No push was given up." })],
      notes: moreNotes(hasMore),
    };
  },
});

const pushColumns = (now: number): readonly Column<DeadPush>[] => [
  { title: "GIVEN UP", cell: ({ diedAt }) => instantAndDistance(diedAt, now) },
  { title: "PROVIDER", cell: ({ provider }) => provider },
  { title: "ERROR", cell: ({ error }) => ({ text: error, colour: "red" }), canShrink: true },
  { title: "KIND", cell: ({ kind }) => kind },
  { title: "TRIES", cell: ({ attempts }) => attempts },
  { title: "USER", cell: ({ userId }) => userId },
  { title: "WITHIN", cell: ({ createdAt, diedAt }) => durationToText(diedAt - createdAt, 2) },
  { title: "PUSH", cell: ({ id }) => id },
];
