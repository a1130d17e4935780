import {
  AppError,
  ConfigError,
  createConsoleSms,
  createLogger,
  createServer,
  parseConfig,
  restoreFromBackup,
  systemClock,
  systemRandom,
  type Config,
  type Restoration,
} from "@edvoyage/server/app";
import { existsSync } from "node:fs";
import { CommandError } from "./failure.ts";

export { createFile, publishFile } from "@edvoyage/server/app";
export type { Restoration };

const SECRET_BYTES = 32;

/** The location of a database. */
interface DatabaseLocation {
  readonly dataDir: string;
  /** Default: the database that the environment names, otherwise the one in the data folder. */
  readonly databaseUrl: string | undefined;
}

/**
 * Opens the database and answers calls in this process, for when no server runs. Throws `conflict` if one does, and
 * `input/invalid` for an environment that a server could not run with.
 */
export const openInProcess = async (location: DatabaseLocation) => {
  try {
    const config = readConfig(location);
    const note = wouldBeCreated(config)
      ? `There was no database yet: ${config.databaseUrl} is new.`
      : undefined;
    // Random secrets: no admin procedure uses the server's secret, so it does not have to exist.
    const secrets = { secret: newSecret(), adminToken: newSecret() };
    const server = await createServer({
      config,
      secrets,
      clock: systemClock,
      random: systemRandom,
      log: createLogger("silent"),
      // No admin procedure sends a code.
      smsProvider: createConsoleSms(() => {}),
      // Push notifications wait for the server.
      pushProvider: undefined,
    });
    return { fetch: server.fetch, adminToken: secrets.adminToken, note, close: server.close };
  } catch (error) {
    throw toCommandError(error);
  }
};

/**
 * Replaces the database with a backup. Throws `conflict` if a server runs on it or if it is PostgreSQL,
 * `input/invalid` for a missing file, and `failed` for a damaged backup.
 */
export const restoreInProcess = async (
  source: string,
  {
    onProgress,
    signal,
    ...location
  }: DatabaseLocation & {
    readonly onProgress: (progress: { readonly done: number; readonly total: number }) => Promise<void>;
    readonly signal: AbortSignal;
  },
): Promise<Restoration> => {
  try {
    const { databaseUrl } = readConfig(location);
    return await restoreFromBackup({
      source,
      databaseUrl,
      clock: systemClock,
      random: systemRandom,
      onProgress,
      signal,
    });
  } catch (error) {
    throw isStorageError(error) && error.kind === "locked"
      ? new CommandError("conflict", `${error.message}.`, { hints: ["Stop the server, then restore."] })
      : toCommandError(error);
  }
};

const newSecret = (): string => Buffer.from(systemRandom(SECRET_BYTES)).toString("base64url");

const readConfig = ({ dataDir, databaseUrl }: DatabaseLocation): Config =>
  parseConfig({
    ...process.env,
    EDVOYAGE_DATA_DIR: dataDir,
    ...(databaseUrl === undefined ? {} : { EDVOYAGE_DATABASE_URL: databaseUrl }),
  });

/** Returns whether opening would create an empty database. The user most likely meant another one. */
const wouldBeCreated = ({ databaseUrl }: Pick<Config, "databaseUrl">): boolean =>
  databaseUrl.startsWith("sqlite:") && !existsSync(databaseUrl.slice("sqlite:".length));

const toCommandError = (error: unknown): unknown => {
  if (error instanceof ConfigError) {
    return new CommandError("input/invalid", `${error.message}.`, {
      hints: ["With --db a command reads the same environment as the server."],
    });
  }
  if (error instanceof AppError) return new CommandError(error.reason, error.message);
  if (isBackupError(error)) {
    const reason = error.kind === "missing" ? "input/invalid" : "failed";
    return new CommandError(reason, `${error.message}.`, {
      hints: ["Nothing was changed.", ...(error.kind === "incomplete" ? [COPY_ADVICE] : [])],
      details: { kind: error.kind },
      cause: error,
    });
  }
  if (!isStorageError(error)) return error;
  switch (error.kind) {
    case "locked":
      return new CommandError("conflict", "A server is running on this database: leave out --db.");
    case "full":
      return new CommandError("storage/full", `${error.message}.`, { cause: error });
    default:
      return new CommandError("server/unavailable", `${error.message}.`, { cause: error });
  }
};

const COPY_ADVICE = "A copy of a database in use is often damaged: edvoyage db backup makes a good one.";

/** Checks the shape, because only the server may import the database's code. */
const isStorageError = (error: unknown): error is Error & { readonly kind: unknown } =>
  error instanceof Error && error.name === "StorageError" && "kind" in error;

const isBackupError = (error: unknown): error is Error & { readonly kind: unknown } =>
  error instanceof Error && error.name === "BackupError" && "kind" in error;
