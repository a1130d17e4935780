import type { RpcClient } from "@edvoyage/client-sdk/rpc";
import type { ErasureProgress } from "@edvoyage/server";
import { setTimeout as wait } from "node:timers/promises";
import { defineCommand, text, type CommandContext } from "../command.ts";
import { CommandError } from "../failure.ts";
import { line } from "../outcome.ts";
import type { Progress } from "../progress.ts";
import { describeUser, findUser, studentArgument } from "./student-argument.ts";

const POLL_INTERVAL_MS = 200;

/** `edvoyage users erase`. */
export const eraseUser = defineCommand({
  summary: "Erase a student at once and for good: what she said, her rows, and their bytes",
  parameters: { named: studentArgument, reason: text("--reason <text>", "Why; kept in the audit log") },
  examples: [
    'edvoyage users erase +447400123456 --reason "asked by letter"',
    "edvoyage users erase 01928f3e-8c1a-7b52-9e1f-0242ac120002 --yes --json",
  ],
  hints: { "not-found": "Look for her with edvoyage users list." },
  run: async (context, { named, reason }) => {
    const { client } = await context.connect();
    const user = await findUser(client, named, { showPhones: false });
    const student = describeUser(user);
    await context.confirm(`Erase ${student} at once and for good? Nothing brings her back.`);
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
        "Backups that were made before still have her, until they are deleted; restoring one erases her again.",
      ],
      error: failure === null ? undefined : unfinished(state, failure),
    };
  },
});

/** Shows how far it has come until it has come to its end, or to a stop. */
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
    throw new CommandError("interrupted", "Interrupted: the erasure goes on without you.", { cause: error });
  } finally {
    shown?.stop();
  }
};

const unfinished = (state: ErasureProgress["state"], failure: string): CommandError =>
  new CommandError(
    "failed",
    state === "erasing"
      ? `The erasure has come to a stop: ${failure}.`
      : `Copies of her bytes may still be in the database file: ${failure}.`,
    { hints: ["It is tried again within the hour, and when the server starts."] },
  );

const label = (text: string) => ({ text: text.padEnd("entries of rooms".length), colour: "gray" as const });
