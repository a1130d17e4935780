import type { RpcClient } from "@edvoyage/client-sdk/rpc";
import type { WorldProgress } from "@edvoyage/server";
import { defineCommand, type CommandContext } from "../command.ts";
import { flag, wholeNumber } from "../parameter.ts";
import { EXIT } from "../exit-code.ts";
import { CommandError } from "../failure.ts";
import { line, type OutputLine } from "../outcome.ts";
import type { Progress } from "../progress-bar.tsx";

/** `edvoyage seed run`. */
export const runSeed = defineCommand({
  summary: "Add the sample universities and a world of invented students; existing data stays as it is",
  parameters: {
    students: wholeNumber("--students <n>", "How many students, 12 to 1,000", { fallback: 200 }),
    seed: wholeNumber("--seed <n>", "Which world to build; the same number always builds the same world", {
      fallback: 1,
    }),
    onlyCatalogue: flag("--only-catalogue", "Add only the universities and their courses, no students"),
    evenInProduction: flag("--even-in-production", "Add invented students even if there are real ones"),
  },
  examples: [
    "edvoyage seed run",
    "edvoyage seed run --students 50 --seed 7",
    "edvoyage seed run --only-catalogue --db",
  ],
  exits: {
    failed: "Building stopped after some steps. Running it again continues.",
    notAllowed: "The server runs in production, and --even-in-production is missing.",
    conflict:
      "The seed was built with another number of students or by another version, or phone numbers run out.",
  },
  hints: { forbidden: "To add invented students anyway, use --even-in-production." },
  run: async (context, { onlyCatalogue, ...world }) => {
    const { client } = await context.connect();
    if (onlyCatalogue) {
      const added = await client.admin.seed.run.mutate();
      return { data: added, view: [line(catalogueToText(added))] };
    }
    const built = await build(client, world, context);
    const { seed, added, signInAs } = built;
    return { data: { seed, signInAs, ...added }, view: worldToView(built) };
  },
});

type Added = WorldProgress["added"];

/** Builds the world, one step with each call, until it is complete. */
const build = async (
  client: RpcClient,
  world: { readonly seed: number; readonly students: number; readonly evenInProduction: boolean },
  { startProgress, explain }: CommandContext,
): Promise<WorldProgress> => {
  let shown: Progress | undefined;
  let last: WorldProgress | undefined;
  try {
    for (;;) {
      const progress: WorldProgress = await client.admin.seed.world.mutate(world);
      last = last ? { ...progress, added: sum(last.added, progress.added) } : progress;
      const hasAdded = Object.values(last.added).some((count) => count > 0);
      if (hasAdded) shown ??= await startProgress({ label: "Building", total: progress.acts });
      shown?.report(progress.done);
      if (progress.state === "built") return last;
    }
  } catch (cause) {
    if (!last) throw cause;
    const { reason, message, hints } = explain(cause);
    const [done, all] = [last.done, last.acts].map((count) => count.toLocaleString("en"));
    throw new CommandError(reason, `Building the world stopped after ${done} of ${all} acts: ${message}`, {
      hints: ["Running it again continues where it stopped.", ...hints],
      details: { done: last.done, acts: last.acts },
      exitCode: EXIT.failed,
      cause,
    });
  } finally {
    shown?.stop();
  }
};

const sum = (one: Added, other: Added): Added => {
  const total = { ...one };
  for (const [name, count] of Object.entries(other)) total[name as keyof Added] += count;
  return total;
};

const catalogueToText = ({ universities, courses }: { universities: number; courses: number }): string =>
  universities + courses > 0
    ? `Added ${universities.toLocaleString("en")} universities and ${courses.toLocaleString("en")} courses.`
    : "Nothing to add: all samples already exist.";

const worldToView = ({ seed, students, added, signInAs }: WorldProgress): OutputLine[] => {
  const counts = Object.entries(added).filter(([, count]) => count > 0);
  const width = Math.max(...counts.map(([, count]) => count.toLocaleString("en").length));
  return [
    line(
      counts.length > 0
        ? `World ${seed} is there. Added:`
        : `World ${seed} with its ${students.toLocaleString("en")} students is all there already.`,
    ),
    ...counts.map(([name, count]) =>
      line(count.toLocaleString("en").padStart(width), { text: name.padEnd("applications".length) }),
    ),
    ...(signInAs ? [line(`Sign in as ${signInAs.name ?? "somebody"} with ${signInAs.phone}.`)] : []),
  ];
};
