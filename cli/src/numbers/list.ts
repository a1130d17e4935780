import type { RestrictedNumber } from "@edvoyage/server";
import { defineCommand } from "../command.ts";
import { limit, showPhones } from "../parameter.ts";
import { table, type Column } from "../outcome.ts";
import { moreNotes, readUpTo } from "../paging.ts";
import { instantAndDistance } from "../time.ts";

/** `edvoyage numbers list`. */
export const listNumbers = defineCommand({
  summary: "List numbers that had trouble signing in during the last 30 days, or that used up a day's budget",
  parameters: { limit, showPhones },
  examples: ["edvoyage numbers list", "edvoyage numbers list --show-phones --json"],
  run: async ({ connect, now }, { limit, showPhones }) => {
    const { client } = await connect();
    const { items, hasMore } = await readUpTo(limit, (page) =>
      client.admin.numbers.list.query({ showPhones, ...page }),
    );
    return {
      data: items,
      view: [table(numberColumns(now()), items, { empty: "No number has trouble." })],
      notes: moreNotes(hasMore),
    };
  },
});

const numberColumns = (now: number): readonly Column<RestrictedNumber>[] => [
  { title: "PHONE", cell: ({ phone }) => phone },
  {
    title: "BLOCKED UNTIL",
    cell: ({ blockedUntil }) =>
      blockedUntil === null ? null : { text: instantAndDistance(blockedUntil, now), colour: "red" },
  },
  { title: "DEVICES", cell: ({ blockedDevices }) => blockedDevices },
  {
    title: "PAUSED UNTIL",
    cell: ({ pausedUntil }) =>
      pausedUntil === null ? null : { text: instantAndDistance(pausedUntil, now), colour: "yellow" },
  },
  { title: "WRONG 24 H", cell: ({ wrongCodesOfDay }) => wrongCodesOfDay },
  { title: "30 DAYS", cell: ({ wrongCodesOfMonth }) => wrongCodesOfMonth },
  { title: "CODE DIGITS", cell: ({ codeLength }) => codeLength },
  {
    title: "KNOWN PAUSED UNTIL",
    cell: ({ knownBudgetSpentUntil }) =>
      knownBudgetSpentUntil === null
        ? null
        : { text: instantAndDistance(knownBudgetSpentUntil, now), colour: "red" },
  },
  {
    title: "SIGN-INS COUNT UNTIL",
    cell: ({ giveBackSpentUntil }) =>
      giveBackSpentUntil === null
        ? null
        : { text: instantAndDistance(giveBackSpentUntil, now), colour: "yellow" },
  },
];
