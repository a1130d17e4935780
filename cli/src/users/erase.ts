import type { RpcClient } from "@edvoyage/client-sdk/rpc";
import type { ErasureProgress } from "@edvoyage/server";
import { setTimeout as wait } from "node:timers/promises";
import { defineCommand, type CommandContext } from "../command.ts";
import { text } from "../parameter.ts";
import { CommandError } from "../failure.ts";
import { line } from "../outcome.ts";
import type { Progress } from "../progress-bar.tsx";
import { describeUser, findUser, studentArgument } from "./student-argument.ts";

const POLL_INTERVAL_MS = 200;

/** `edvoyage users erase`. */
export const eraseUser = defineCommand({
  summary: "Permanently erase a student now: messages, rows, and their bytes on the disk",
  parameters: { named: studentArgument, reason: text("--reason <text>", "Why; kept in the audit log") },
  examples: [
    'edvoyage users erase +447400123456 --reason "asked by letter"',
    "edvoyage users erase 01928f3e-8c1a-7b52-9e1f-0242ac120002 --yes --json",
  ],
  exits: {
    failed: "The erasure has stopped. The server retries it within the hour, and when it starts.",
    notFound: "There is no such student.",
    interrupted: "Ctrl-C was pressed. The erasure continues.",
  },
  hints: { "not-found": "Look for the student with edvoyage users list." },
  run: async (context, { named, reason }) => {
    const { client } = await context.connect();
    const user = await findUser(client, named, { showPhones: false });
    const student = describeUser(user);
    await context.confirm(`Permanently erase ${student} now? This cannot be undone.`);
    await client.admin.users.erase.mutate({ userId: user.id, reason });
    const { state, counts, failure } = await watch(client, user.id, context);
    const erased = Object.entries(counts).filter(([, count]) => count > 0);
    return {
      data: { userId: user.id, state, erased: counts },
      view: [
        ...(state === "erasing" ? [] : [line(`${user.phone} is erased.`)]),
        ...erased.map(([name, count]) => line(count.toLocaleString("en"), label(name))),
      ],
      notes: [
        "Older backups still contain the student until they are deleted; restoring one repeats the erasure.",
      ],
      error: failure === null ? undefined : unfinished(state, failure),
    };
  },
});

/** Shows the progress of an erasure until it is complete or has stopped. */
const watch = async (
  client: RpcClient,
  userId: string,
  { startProgress, interrupted }: CommandContext,
): Promise<ErasureProgress> => {
  let shown: Progress | undefined;
  try {
    for (;;) {
      const progress = await client.admin.users.erasure.query({ userId });
      if (progress.state === "scrubbed" || progress.failure !== null) return progress;
      if (progress.planned > 0) {
        shown ??= await startProgress({ label: "Erasing (parts of rooms)", total: progress.planned });
        shown.report(Math.min(progress.done, progress.planned));
      }
      await wait(POLL_INTERVAL_MS, undefined, { signal: interrupted });
    }
  } catch (error) {
    if (!interrupted.aborted) throw error;
    throw new CommandError("interrupted", "Interrupted: the erasure continues without you.", {
      cause: error,
    });
  } finally {
    shown?.stop();
  }
};

const unfinished = (state: ErasureProgress["state"], failure: string): CommandError =>
  new CommandError(
    "failed",
    state === "erasing"
      ? `The erasure has stopped: ${failure}.`
      : `Copies of the erased bytes may still be in the database file: ${failure}.`,
    { hints: ["The server retries it within the hour, and when it starts."] },
  );

const label = (text: string) => ({ text: text.padEnd("entries of rooms".length), colour: "gray" as const });
