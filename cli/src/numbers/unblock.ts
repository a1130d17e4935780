import { defineCommand } from "../command.ts";
import { argument, flag, text } from "../parameter.ts";
import { line } from "../outcome.ts";
import { instantAndDistance } from "../time.ts";

/** `edvoyage numbers unblock`. */
export const unblockNumber = defineCommand({
  summary: "Let a number sign in again at once",
  parameters: {
    phone: argument("phone", "In international form, such as +447400123456"),
    device: text("--device <name>", "Only this device, by the name that numbers show lists"),
    resetBudget: flag("--reset-budget", "Also reset its budgets of wrong codes, messages and sign-ins"),
    reason: text("--reason <text>", "Why; kept in the audit log"),
  },
  examples: [
    'edvoyage numbers unblock +447400123456 --reason "student called"',
    "edvoyage numbers unblock +447400123456 --device 75hIZ2sB",
    "edvoyage numbers unblock +447400123456 --reset-budget",
  ],
  exits: {
    notFound: "Nobody has tried to sign in with this number recently, or not from this device.",
  },
  hints: { "not-found": "See the number's devices with edvoyage numbers show <phone>." },
  run: async ({ connect, now }, { phone, device, resetBudget, reason }) => {
    const { client } = await connect();
    const unblocked = await client.admin.numbers.unblock.mutate({ phone, device, resetBudget, reason });
    const { lifted, pausedUntil, knownBudgetSpentUntil } = unblocked;
    return {
      data: unblocked,
      view: [
        line(describeLifted(lifted, unblocked.phone)),
        ...(resetBudget ? [line("Its budgets were reset.")] : []),
      ],
      notes: [
        ...stillRefused("Devices that never signed in with it stay paused", pausedUntil, now()),
        ...stillRefused("Devices known to it get no message", knownBudgetSpentUntil, now()),
      ],
    };
  },
});

const stillRefused = (subject: string, until: number | null, now: number): string[] =>
  until === null ? [] : [`${subject} until ${instantAndDistance(until, now)}: --reset-budget ends that.`];

const describeLifted = (lifted: number, phone: string): string => {
  if (lifted === 0) return `No device of ${phone} was blocked.`;
  return lifted === 1
    ? `1 device of ${phone} is no longer blocked.`
    : `${lifted} devices of ${phone} are no longer blocked.`;
};
