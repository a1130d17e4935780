import type { RpcClient } from "@edvoyage/client-sdk/rpc";
import type { BackupReport } from "@edvoyage/server";
import { InvalidArgumentError, Option } from "commander";
import { resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { defineCommand, type CommandContext } from "../command.ts";
import { text, type Parameter } from "../parameter.ts";
import { EXIT } from "../exit-code.ts";
import { CommandError } from "../failure.ts";
import { line } from "../outcome.ts";
import { sizeToText } from "../size.ts";
import { assertFree, copyBackup } from "./output.ts";

/** A large database takes minutes. Node itself waits no longer than this for an answer. */
const ANSWER_TIMEOUT_MS = 300_000;
const POLL_INTERVAL_MS = 200;
const KILOBYTE = 1_000;

const keep: Parameter<number | undefined> = {
  declaration: new Option("--keep <n>", "Delete the oldest backups until this many are left").argParser(
    (raw) => {
      if (/^[1-9]\d{0,3}$/.test(raw)) return Number(raw);
      throw new InvalidArgumentError("Give a whole number from 1 to 9999.");
    },
  ),
  read: (raw) => (typeof raw === "number" ? raw : undefined),
};

/** `edvoyage db backup`. */
export const backUpDatabase = defineCommand({
  summary: "Copy the database while it is in use, and check the copy",
  parameters: {
    output: text("--output <file>", "Also copy the backup to this file; only for a server on this machine"),
    keep,
  },
  examples: [
    "edvoyage db backup",
    "edvoyage db backup --keep 14",
    "edvoyage db backup --output /mnt/usb/edvoyage.sqlite --json",
  ],
  exits: {
    failed: "The backup failed, or it was made but not copied to the output file.",
    conflict: "The output file already exists, another backup runs, or the database is PostgreSQL.",
  },
  run: async (context, { output, keep: kept }) => {
    const target = output === undefined ? undefined : resolve(output);
    if (target !== undefined) assertFree(target);
    const { client } = await context.connect({ answerTimeoutMs: ANSWER_TIMEOUT_MS });
    const backup = await backUp(client, kept, context);
    const summary = line(backupToText(backup));
    const removed = backup.removed.map((path) => line(`Removed ${path}.`));
    if (target === undefined) return { data: backup, view: [summary, ...removed] };
    try {
      await copyBackup(backup, target);
    } catch (cause) {
      // The backup exists, so print its result before the error of the copy.
      const error = new CommandError(
        "failed",
        `The backup was not copied to ${target}: ${context.explain(cause).message}`,
        {
          hints: [`The backup is at ${backup.path} on the server's machine.`],
          exitCode: EXIT.failed,
          cause,
        },
      );
      return { data: backup, view: [summary, ...removed], error };
    }
    return { data: { ...backup, output: target }, view: [summary, line(`Copied to ${target}.`), ...removed] };
  },
});

/** Starts a backup, and shows its progress. */
const backUp = async (
  client: RpcClient,
  kept: number | undefined,
  { startProgress }: CommandContext,
): Promise<BackupReport> => {
  const { sizeBytes } = await client.admin.database.status.query();
  const total = Math.max(1, Math.ceil(sizeBytes / KILOBYTE));
  const progress = await startProgress({ label: "Backing up (kB)", total });
  const ended = new AbortController();
  const watch = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      const { backingUp } = await client.admin.database.status.query();
      if (backingUp && !ended.signal.aborted)
        progress.report(Math.min(total, Math.floor(backingUp.copiedBytes / KILOBYTE)));
      // An interruption aborts the backup call, which ends this loop.
      await wait(POLL_INTERVAL_MS, undefined, { signal: ended.signal });
    }
  };
  // Errors of the progress display do not matter: the backup call reports its own.
  const watching = watch().catch(() => {});
  try {
    const backup = await client.admin.database.backup.mutate({ keep: kept });
    ended.abort();
    progress.report(total);
    return backup;
  } finally {
    ended.abort();
    await watching;
    progress.stop();
  }
};

const backupToText = ({ path, sizeBytes, epoch }: BackupReport): string =>
  `Backed up and checked: ${path} (${sizeToText(sizeBytes)}, epoch ${epoch}).`;
