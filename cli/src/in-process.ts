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

/** Where a database is. */
interface Place {
  readonly dataDir: string;
  /** `undefined`: the one that the environment names, else that of the data folder. */
  readonly databaseUrl: string | undefined;
}

/**
 * Opens the database itself and answers in this process, for when no server runs.
 * Throws `conflict` when one does, and `input/invalid` for an environment that no server could run with.
 */
export const openInProcess = async (where: Place) => {
  try {
    const config = readConfig(where);
    const note = willBeMade(config) ? `There was no database yet: ${config.databaseUrl} is new.` : undefined;
    // Of this process alone: no procedure for admins uses the server's secret, and none has to be there for it.
    const secrets = { secret: newSecret(), adminToken: newSecret() };
    const server = await createServer({
      config,
      secrets,
      clock: systemClock,
      random: systemRandom,
      log: createLogger("silent"),
      // No procedure for admins sends a code.
      smsProvider: createConsoleSms(() => {}),
      // What is to be pushed waits for the server.
      pushProvider: undefined,
    });
    return { fetch: server.fetch, adminToken: secrets.adminToken, note, close: server.close };
  } catch (error) {
    throw translate(error);
  }
};

/**
 * Puts a backup in the place of the database. Throws `conflict` when a server runs on it or it is PostgreSQL,
 * `input/invalid` for a file that is not there, and `failed` for one that is no good backup.
 */
export const restoreInProcess = async (
  source: string,
  {
    onProgress,
    signal,
    ...where
  }: Place & {
    readonly onProgress: (progress: { readonly done: number; readonly total: number }) => Promise<void>;
    readonly signal: AbortSignal;
  },
): Promise<Restoration> => {
  try {
    const { databaseUrl } = readConfig(where);
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
      ? new CommandError("conflict", `${error.message}.`, { hints: ["Stop the server, and restore then."] })
      : translate(error);
  }
};

const newSecret = (): string => Buffer.from(systemRandom(SECRET_BYTES)).toString("base64url");

const readConfig = ({ dataDir, databaseUrl }: Place): Config =>
  parseConfig({
    ...process.env,
    EDVOYAGE_DATA_DIR: dataDir,
    ...(databaseUrl === undefined ? {} : { EDVOYAGE_DATABASE_URL: databaseUrl }),
  });

/** Whether opening makes a new, empty database: most likely somebody meant another. */
const willBeMade = ({ databaseUrl }: Pick<Config, "databaseUrl">): boolean =>
  databaseUrl.startsWith("sqlite:") && !existsSync(databaseUrl.slice("sqlite:".length));

const translate = (error: unknown): unknown => {
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

/** By its shape: only the server may import the database's code. */
const isStorageError = (error: unknown): error is Error & { readonly kind: unknown } =>
  error instanceof Error && error.name === "StorageError" && "kind" in error;

const isBackupError = (error: unknown): error is Error & { readonly kind: unknown } =>
  error instanceof Error && error.name === "BackupError" && "kind" in error;
