import { openDatabase, restoreBackup, restoreSteps, type Restoration } from "@edvoyage/db";
import type { Clock } from "../platform/clock.ts";
import { createNewId, type Random } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import { createOfflineErasure } from "../account/offline-erasure.ts";

export type { Restoration };

/** A request to restore a backup into a database. */
export interface RestoreRequest {
  readonly source: string;
  readonly databaseUrl: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Called before each step. */
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Restores a backup while no server runs. Throws `conflict` for PostgreSQL, `BackupError` for a file that is no
 * backup and `StorageError` (`locked`: a server runs). None of these errors changes anything.
 */
export const restoreFromBackup = async (request: RestoreRequest): Promise<Restoration> => {
  const { source, databaseUrl, clock, random, onProgress, signal } = request;
  if (!databaseUrl.startsWith("sqlite:"))
    throw new AppError(
      "conflict",
      "PostgreSQL has its own restore program. Use pg_restore for this database.",
    );
  return restoreBackup(
    { source, target: databaseUrl.slice("sqlite:".length) },
    {
      now: clock.now(),
      random,
      newId: createNewId(random),
      onStep: (step) => onProgress({ done: restoreSteps.indexOf(step) + 1, total: restoreSteps.length }),
      eraseAgain: (path) => eraseAgain(path, request),
      signal,
    },
  );
};

/** Repeats later erasures on the restored copy. It uses the server's own steps, because only they cover all data of a student. */
const eraseAgain = async (path: string, { clock, random }: RestoreRequest): Promise<void> => {
  const database = await openDatabase(`sqlite:${path}`);
  try {
    await createOfflineErasure({ database, clock, random }).run();
    // Entries that the restore redacted also left old bytes in the file, so always scrub it.
    await database.scrub();
  } finally {
    await database.close();
  }
};
