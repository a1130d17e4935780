import type { InspectedSession } from "@edvoyage/server";
import { defineCommand } from "../command.ts";
import { flag, limit, showPhones, text } from "../parameter.ts";
import { table, type Cell, type Column } from "../outcome.ts";
import { moreNotes, readUpTo } from "../paging.ts";
import { instantAndDistance, relativeToNow } from "../time.ts";

/** `edvoyage sessions list`. */
export const listSessions = defineCommand({
  summary: "List who is signed in, most recently used first",
  parameters: {
    user: text("--user <id>", "Only this student's sessions"),
    phone: text("--phone <number>", "Only this number's sessions; in international form"),
    all: flag("--all", "Also list sessions that have ended"),
    limit,
    showPhones,
  },
  examples: ["edvoyage sessions list", 'edvoyage sessions list --phone "+44 7400 123456" --all --json'],
  run: async ({ connect, now }, { user, phone, all, limit, showPhones }) => {
    const { client } = await connect();
    const { items, hasMore } = await readUpTo(limit, (page) =>
      client.admin.sessions.list.query({ userId: user, phone, includeEnded: all, showPhones, ...page }),
    );
    return {
      data: items,
      view: [table(sessionColumns(now()), items, { empty: "No sessions." })],
      notes: moreNotes(hasMore),
    };
  },
});

const stateToCell: Readonly<Record<InspectedSession["state"], Cell>> = {
  live: { text: "live", colour: "green" },
  expired: { text: "expired", colour: "gray" },
  logout: { text: "logged out", colour: "gray" },
  revoked: { text: "revoked", colour: "red" },
  admin: { text: "ended by admin", colour: "red" },
  replaced: { text: "replaced", colour: "gray" },
  limit: { text: "one too many", colour: "gray" },
  restore: { text: "ended by a restore", colour: "gray" },
  deleted: { text: "account deleted", colour: "red" },
};

const sessionColumns = (now: number): readonly Column<InspectedSession>[] => [
  { title: "SESSION", cell: ({ id }) => id },
  { title: "PHONE", cell: ({ phone }) => phone },
  { title: "STATE", cell: ({ state }) => stateToCell[state] },
  { title: "DEVICE", cell: ({ deviceName }) => deviceName, canShrink: true },
  { title: "LAST SEEN", cell: ({ lastSeenAt }) => instantAndDistance(lastSeenAt, now) },
  {
    title: "ENDS",
    cell: ({ endedAt, expiresAt }) => relativeToNow(endedAt ?? expiresAt, now),
  },
  { title: "PLATFORM", cell: ({ platform }) => platform },
  { title: "APP", cell: ({ appVersion }) => appVersion, canShrink: true },
  { title: "USER", cell: ({ userId }) => userId },
];
