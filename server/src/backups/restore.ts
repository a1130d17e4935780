import { openDatabase, restoreBackup, restoreSteps, type Restoration } from "@edvoyage/db";
import type { Clock } from "../platform/clock.ts";
import { createNewId, type Random } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import { createOfflineErasure } from "../account/offline-erasure.ts";

export type { Restoration };

/** Which backup goes where. */
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
 * backup and `StorageError` (`locked`: a server runs), all with nothing changed.
 */
export const restoreFromBackup = async (request: RestoreRequest): Promise<Restoration> => {
  const { source, databaseUrl, clock, random, onProgress, signal } = request;
  if (!databaseUrl.startsWith("sqlite:"))
    throw new AppError("conflict", "PostgreSQL has its own: restore this database with pg_restore.");
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

/** With the steps of the running server: nobody else knows all that hangs on a student. */
const eraseAgain = async (path: string, { clock, random }: RestoreRequest): Promise<void> => {
  const database = await openDatabase(`sqlite:${path}`);
  try {
    await createOfflineErasure({ database, clock, random }).run();
    // What was redacted in it alone has copies too.
    await database.scrub();
  } finally {
    await database.close();
  }
};
