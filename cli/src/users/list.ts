import type { InspectedUser } from "@edvoyage/server";
import { defineCommand } from "../command.ts";
import { flag, limit, showPhones, text } from "../parameter.ts";
import { table, type Column } from "../outcome.ts";
import { moreNotes, readUpTo } from "../paging.ts";
import { instantAndDistance, relativeToNow } from "../time.ts";
import { stateToCell } from "./student-argument.ts";

/** `edvoyage users list`. */
export const listUsers = defineCommand({
  summary: "List students, newest first",
  parameters: {
    phone: text("--phone <number>", "Only the student with this number, in international form"),
    deleted: flag("--deleted", "Only students who have deleted their account and are not erased yet"),
    limit,
    showPhones,
  },
  examples: [
    "edvoyage users list",
    "edvoyage users list --deleted",
    "edvoyage users list --json --limit 1000",
  ],
  run: async ({ connect, now }, { phone, deleted, limit, showPhones }) => {
    const { client } = await connect();
    const { items, hasMore } = await readUpTo(limit, (page) =>
      client.admin.users.list.query({ phone, onlyDeleted: deleted, showPhones, ...page }),
    );
    return {
      data: items,
      view: [table(userColumns(now()), items, { empty: "No students." })],
      notes: moreNotes(hasMore),
    };
  },
});

const userColumns = (now: number): readonly Column<InspectedUser>[] => [
  { title: "STUDENT", cell: ({ id }) => id },
  { title: "PHONE", cell: ({ phone }) => phone },
  { title: "STATE", cell: ({ state }) => stateToCell[state] },
  { title: "NAME", cell: ({ name }) => name, canShrink: true },
  {
    title: "LAST SEEN",
    cell: ({ lastSeenAt }) => (lastSeenAt === null ? null : instantAndDistance(lastSeenAt, now)),
  },
  { title: "SINCE", cell: ({ createdAt }) => instantAndDistance(createdAt, now) },
  { title: "ERASED", cell: ({ eraseAt }) => (eraseAt === null ? null : relativeToNow(eraseAt, now)) },
  { title: "COUNTRY", cell: ({ homeCountry }) => homeCountry },
];
