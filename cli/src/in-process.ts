import {
  ConfigError,
  createConsoleSms,
  createLog,
  createServer,
  parseConfig,
  prepareDataDir,
  systemClock,
  systemRandom,
  type Config,
} from "@edvoyage/server/app";
import { existsSync } from "node:fs";
import { CommandError } from "./failure.ts";

/**
 * Opens the database itself and answers in this process, for when no server runs.
 * Throws `conflict` when one does, and `input/invalid` for an environment that no server could run with.
 */
export const openInProcess = async (where: {
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
}) => {
  const { dataDir, databaseUrl } = where;
  try {
    const config = parseConfig({
      ...process.env,
      EDVOYAGE_DATA_DIR: dataDir,
      ...(databaseUrl === undefined ? {} : { EDVOYAGE_DATABASE_URL: databaseUrl }),
    });
    const note = willBeMade(config) ? `There was no database yet: ${config.databaseUrl} is new.` : undefined;
    const secrets = prepareDataDir(config.dataDir, config, systemRandom);
    const server = await createServer({
      config,
      secrets,
      clock: systemClock,
      random: systemRandom,
      log: createLog("silent"),
      // No procedure for admins sends a code.
      smsProvider: createConsoleSms(() => {}),
    });
    return { fetch: server.fetch, adminToken: secrets.adminToken, note, close: server.close };
  } catch (error) {
    throw translate(error);
  }
};

/** Whether opening makes a new, empty database: most likely somebody meant another. */
const willBeMade = ({ databaseUrl }: Pick<Config, "databaseUrl">): boolean =>
  databaseUrl.startsWith("sqlite:") && !existsSync(databaseUrl.slice("sqlite:".length));

const translate = (error: unknown): unknown => {
  if (error instanceof ConfigError) {
    return new CommandError("input/invalid", `${error.message}.`, {
      hints: ["With --db a command reads the same environment as the server."],
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

/** By its shape: only the server may import the database's code. */
const isStorageError = (error: unknown): error is Error & { readonly kind: unknown } =>
  error instanceof Error && error.name === "StorageError" && "kind" in error;
