import { createFile, makeFolder, openDatabase, syncFile, syncFolder, type UnitOfWork } from "@edvoyage/db";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasChallenges } from "../auth/auth.store.ts";
import type { Config } from "./config.ts";
import type { Random } from "./crypto.ts";
import type { Logger } from "./logger.ts";

const SECRET_FILE = "secret";
const ADMIN_TOKEN_FILE = "admin-token";
const SERVER_FILE = "server.json";
/** The folder for backups, inside the data folder. */
export const BACKUP_FOLDER = "backups";

const SECRET_BYTES = 32;
const MIN_SECRET_CHARACTERS = 32;
const DRAFT_NAME_BYTES = 8;
const DRAFT = /^(secret|admin-token|server\.json)\.draft-/;

/** The secrets that the server needs to run, from the environment or the data folder. */
export interface Secrets {
  readonly secret: string;
  readonly adminToken: string;
}

/** Thrown when a file of the data folder prevents the server from starting. The message is one line for an admin. */
export class DataDirError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DataDirError";
  }
}

export interface DataDirDeps {
  readonly random: Random;
  readonly log: Pick<Logger, "warn">;
}

type SecretFile = typeof SECRET_FILE | typeof ADMIN_TOKEN_FILE;

type SecretFileState =
  | { readonly state: "missing" }
  /** A power cut may leave an empty file when it was not synced. */
  | { readonly state: "empty" }
  | { readonly state: "whole"; readonly secret: string };

/**
 * Creates the data folder (mode 0700). Secrets that are not in the environment are read from files in it (mode 0600), or
 * created there; that happens only in development, because production does not start without them. They are synced to
 * disk before this resolves, and so before the first code is sent. A lost secret is replaced only while nobody has
 * requested a code yet; a lost admin token is always replaced, because nothing is derived from it. Throws `DataDirError`,
 * and `StorageError` when the database cannot be queried.
 */
export const prepareDataDir = async (
  config: Pick<Config, "dataDir" | "databaseUrl" | "secret" | "adminToken">,
  deps: DataDirDeps,
): Promise<Secrets> => {
  makeFolder(config.dataDir);
  const secret = config.secret ?? (await readOrCreate(SECRET_FILE, config, deps));
  const adminToken = config.adminToken ?? (await readOrCreate(ADMIN_TOKEN_FILE, config, deps));
  // Another process that is starting may lose its draft; it then uses the file that exists now.
  for (const name of readdirSync(config.dataDir))
    if (DRAFT.test(name)) rmSync(join(config.dataDir, name), { force: true });
  return { secret, adminToken };
};

/** Writes the file that tells the CLI where the server listens. Atomic, but not synced: a power cut may lose it. */
export const announceServer = (dataDir: string, url: string): void => {
  const path = join(dataDir, SERVER_FILE);
  const draft = `${path}.draft-${process.pid}`;
  writeFileSync(draft, `${JSON.stringify({ url, pid: process.pid })}\n`, { mode: 0o600 });
  renameSync(draft, path);
};

/** Removes the file that `announceServer` wrote. */
export const retractServer = (dataDir: string): void => rmSync(join(dataDir, SERVER_FILE), { force: true });

const readOrCreate = async (
  name: SecretFile,
  config: Pick<Config, "dataDir" | "databaseUrl">,
  deps: DataDirDeps,
): Promise<string> => {
  const path = join(config.dataDir, name);
  const { state } = readSecretFile(name, path);
  if (state !== "whole") {
    if (state === "missing" && (name === ADMIN_TOKEN_FILE || isNewDatabase(config.databaseUrl))) {
      createSecretFile(path, deps.random);
    } else {
      await replaceLost(name, path, { ...deps, databaseUrl: config.databaseUrl });
    }
  }
  const found = readSecretFile(name, path);
  if (found.state !== "whole") throw new DataDirError(`${path} is ${found.state}: ${ADVICE[name](path)}`);
  // Sync a file that existed already, too: the process that created it may have been killed before it synced the file.
  await syncFile(path);
  syncFolder(config.dataDir);
  return found.secret;
};

/**
 * Creates a secret file. When two processes start at once, the file of the first one stays and both read it afterwards.
 */
const createSecretFile = (path: string, random: Random): void => {
  const content = `${Buffer.from(random(SECRET_BYTES)).toString("base64url")}\n`;
  const draft = `${path}.draft-${Buffer.from(random(DRAFT_NAME_BYTES)).toString("hex")}`;
  try {
    createFile(path, { content, draft });
  } catch (error) {
    // ENOENT: another process has removed our draft, because its own file is already in place.
    if (errorCodeOf(error) === "EEXIST" || (errorCodeOf(error) === "ENOENT" && existsSync(path))) return;
    throw error;
  }
};

/** Replaces a secret file when nothing depends on its old content. Only one process of a database does so at a time. */
const replaceLost = async (
  name: SecretFile,
  path: string,
  { random, log, databaseUrl }: DataDirDeps & { readonly databaseUrl: string },
): Promise<void> => {
  const database = await openDatabase(databaseUrl);
  try {
    await database.write(async (tx: UnitOfWork) => {
      await tx.lock(`data-folder:${name}`);
      const { state } = readSecretFile(name, path);
      if (state === "whole") return;
      if (name === SECRET_FILE && (await hasChallenges(tx))) {
        throw new DataDirError(`${path} is ${state}, but sent codes depend on it: ${ADVICE[name](path)}`);
      }
      if (state === "empty") rmSync(path, { force: true });
      createSecretFile(path, random);
      log.warn({}, `${path} was ${state}, perhaps after a power cut: it was replaced with a new one`);
    });
  } finally {
    await database.close();
  }
};

/** Tells an admin how to recover a file that the server cannot read. */
const ADVICE: Readonly<Record<SecretFile, (path: string) => string>> = {
  [SECRET_FILE]: (path) =>
    `restore it from where it is kept with the backups, or set EDVOYAGE_SECRET; if it is lost, create another with ` +
    `"openssl rand -base64 32 > ${path}" (codes of the last 5 minutes then stop working, and trying one costs an attempt)`,
  [ADMIN_TOKEN_FILE]: () =>
    `delete it, and the next start creates another: only admins who use the old token are affected`,
};

const readSecretFile = (name: SecretFile, path: string): SecretFileState => {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === undefined) throw error;
    if (code === "ENOENT") return { state: "missing" };
    const cause = code === "EISDIR" ? "is a folder" : `cannot be read (${code})`;
    throw new DataDirError(`${path} ${cause}: it must be a file that the server's user can read`, {
      cause: error,
    });
  }
  // Some file systems keep the length of a file that was not synced, but fill it with zeros.
  const secret = content.replaceAll("\0", "").trim();
  if (secret === "") return { state: "empty" };
  if (secret.length < MIN_SECRET_CHARACTERS || /\p{Cc}/u.test(content.trim())) {
    const fault = `it has fewer than ${MIN_SECRET_CHARACTERS} characters or is not text`;
    throw new DataDirError(`${path} is damaged, ${fault}: ${ADVICE[name](path)}`);
  }
  return { state: "whole", secret };
};

/** A SQLite file is created after the secret: while it is missing, nobody can have requested a code. */
const isNewDatabase = (url: string): boolean =>
  url.startsWith("sqlite:") && !existsSync(url.slice("sqlite:".length));

const errorCodeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
