import type { InspectedApplication } from "@edvoyage/server";
import { defineCommand } from "../command.ts";
import { limit, showPhones, text } from "../parameter.ts";
import { table, type Column } from "../outcome.ts";
import { moreNotes, readUpTo } from "../paging.ts";
import { instantAndDistance, relativeToNow } from "../time.ts";
import { statusOption, statusToCell } from "./status.ts";

/** `edvoyage applications list`. */
export const listApplications = defineCommand({
  summary: "List applications, newest first",
  parameters: {
    status: statusOption("--status <status>", "Only applications with this status, such as submitted"),
    user: text("--user <id>", "Only this student's applications"),
    limit,
    showPhones,
  },
  examples: ["edvoyage applications list --status submitted", "edvoyage applications list --json"],
  run: async ({ connect, now }, { status, user, limit, showPhones }) => {
    const { client } = await connect();
    const { items, hasMore } = await readUpTo(limit, (page) =>
      client.admin.applications.list.query({ status, userId: user, showPhones, ...page }),
    );
    return {
      data: items,
      view: [table(applicationColumns(now()), items, { empty: "No applications." })],
      notes: moreNotes(hasMore),
    };
  },
});

const applicationColumns = (now: number): readonly Column<InspectedApplication>[] => [
  { title: "APPLICATION", cell: ({ id }) => id },
  { title: "STATUS", cell: ({ status }) => statusToCell(status) },
  { title: "COURSE", cell: ({ course }) => course.title, canShrink: true },
  { title: "UNIVERSITY", cell: ({ course }) => course.universityName, canShrink: true },
  { title: "STUDENT", cell: ({ student }) => student.name, canShrink: true },
  { title: "PHONE", cell: ({ student }) => student.phone },
  { title: "START", cell: ({ intakeYear }) => (intakeYear === null ? null : String(intakeYear)) },
  { title: "CHANGED", cell: ({ updatedAt }) => relativeToNow(updatedAt, now) },
  {
    title: "SUBMITTED",
    cell: ({ submittedAt }) => (submittedAt === null ? null : instantAndDistance(submittedAt, now)),
  },
  { title: "USER", cell: ({ student }) => student.id },
];
