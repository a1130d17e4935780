import type { NumberReport } from "@edvoyage/server";
import { defineCommand } from "../command.ts";
import { argument, showPhones } from "../parameter.ts";
import { gap, line, table, type Column, type OutputLine, type Table } from "../outcome.ts";
import { instantAndDistance, relativeToNow } from "../time.ts";

/** `edvoyage numbers show`. */
export const showNumber = defineCommand({
  summary: "Explain why a number cannot sign in, device by device",
  parameters: { phone: argument("phone", "In international form, such as +447400123456"), showPhones },
  examples: ["edvoyage numbers show +447400123456", "edvoyage numbers show +447400123456 --json"],
  exits: {
    notFound: "Nobody has tried to sign in with this number recently.",
  },
  hints: { "not-found": "See who has trouble with edvoyage numbers list." },
  run: async ({ connect }, { phone, showPhones }) => {
    const { client } = await connect();
    const report = await client.admin.numbers.show.query({ phone, showPhones });
    return { data: report, view: reportToView(report) };
  },
});

const reportToView = (report: NumberReport): (OutputLine | Table)[] => {
  const { phone, explanation, devices, serverNow, budget, messagesOfDay, allowed, codeLength } = report;
  const sentences = explanation.map((sentence) => line(withLocalInstants(sentence, serverNow)));
  return [
    line(phone),
    ...(sentences.length > 0 ? sentences : [line("Nothing stands in the way: this number can sign in.")]),
    gap,
    table(deviceColumns(report), devices, { empty: "No device." }),
    gap,
    line(
      `${report.wrongCodesOfDay} in 24 hours, ${report.wrongCodesOfMonth} in 30 days`,
      label("Wrong codes"),
    ),
    line(
      `${budget.sixDigitOfDay} of ${allowed.sixDigitOfDay} with 6 digits in 24 hours, ${budget.sixDigitOfMonth} of ${allowed.sixDigitOfMonth} in 30 days; ` +
        `${budget.ofMonth} of ${allowed.ofMonth} of any length in 30 days`,
      label("of strangers"),
    ),
    line(
      `${messagesOfDay} of ${allowed.messagesOfDay} to new devices in 24 hours, ` +
        `${report.messagesToKnownOfDay} of ${allowed.messagesToKnownOfDay} to known ones`,
      label("Messages"),
    ),
    line(
      `${report.signInsGivenBackOfDay} of ${allowed.signInsGivenBackOfDay} sign-ins in 24 hours`,
      label("given back"),
    ),
    line(`${codeLength} digits for new devices`, label("Codes")),
  ];
};

const label = (text: string) => ({ text: text.padEnd("of strangers".length), colour: "gray" as const });

const deviceColumns = ({
  serverNow: now,
  pausedUntil,
  knownBudgetSpentUntil,
}: NumberReport): readonly Column<NumberReport["devices"][number]>[] => [
  { title: "DEVICE", cell: ({ device }) => device },
  {
    title: "BLOCKED UNTIL",
    cell: ({ blockedUntil }) =>
      blockedUntil === null ? null : { text: instantAndDistance(blockedUntil, now), colour: "red" },
  },
  { title: "TRIES LEFT", cell: ({ attemptsRemaining }) => attemptsRemaining },
  {
    title: "SIGNED IN",
    cell: ({ signedInAt, isKnown }) =>
      signedInAt === null
        ? { text: "never", colour: "gray" }
        : `${relativeToNow(signedInAt, now)}${isKnown ? "" : ", no longer known"}`,
  },
  {
    title: "NEXT MESSAGE",
    cell: ({ nextMessageAt, blockedUntil, isKnown }) => {
      const refusedUntil = isKnown ? knownBudgetSpentUntil : pausedUntil;
      if (blockedUntil !== null || refusedUntil !== null) return null;
      return nextMessageAt === null || nextMessageAt <= now ? "at once" : relativeToNow(nextMessageAt, now);
    },
  },
];

const ISO_INSTANT = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;

/** Converts the server's instants, which are in UTC, to local time for the reader. */
const withLocalInstants = (sentence: string, now: number): string =>
  sentence.replaceAll(ISO_INSTANT, (instant) => instantAndDistance(Date.parse(instant), now));
