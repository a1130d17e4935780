import { createFile, makeFolder, openDatabase, syncFile, syncFolder, type UnitOfWork } from "@edvoyage/db";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasChallenges } from "../auth/auth.store.ts";
import type { Config } from "./config.ts";
import type { Random } from "./crypto.ts";
import type { Logger } from "./logger.ts";

/** Files of the data folder. */
const SECRET_FILE = "secret";
const ADMIN_TOKEN_FILE = "admin-token";
const SERVER_FILE = "server.json";
/** The folder in it that backups go to. */
export const BACKUP_FOLDER = "backups";

const SECRET_BYTES = 32;
const MIN_SECRET_CHARACTERS = 32;
const DRAFT_NAME_BYTES = 8;
const DRAFT = /^(secret|admin-token|server\.json)\.draft-/;

/** What the server cannot run without, from the environment or the data folder. */
export interface Secrets {
  readonly secret: string;
  readonly adminToken: string;
}

/** A file of the data folder keeps the server from starting; the message is one line for an admin. */
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

type Found =
  | { readonly state: "missing" }
  /** As a power cut leaves a file that was not synced. */
  | { readonly state: "empty" }
  | { readonly state: "whole"; readonly secret: string };

/**
 * Makes the data folder (mode 0700). Secrets that the environment does not give are read from files in it (mode 0600),
 * or made there: in development alone, production has refused to start without them. They are on the disk before this
 * resolves, so before the first code is sent. A secret that is lost is made anew only as long as nobody has asked for a
 * code; an admin token always, as nothing is derived from it. Throws `DataDirError`, and `StorageError` for a database
 * that cannot be asked.
 */
export const prepareDataDir = async (
  config: Pick<Config, "dataDir" | "databaseUrl" | "secret" | "adminToken">,
  deps: DataDirDeps,
): Promise<Secrets> => {
  makeFolder(config.dataDir);
  const secret = config.secret ?? (await readOrMake(SECRET_FILE, config, deps));
  const adminToken = config.adminToken ?? (await readOrMake(ADMIN_TOKEN_FILE, config, deps));
  // A process that starts in this moment may lose its draft; it takes the file that is there now.
  for (const name of readdirSync(config.dataDir))
    if (DRAFT.test(name)) rmSync(join(config.dataDir, name), { force: true });
  return { secret, adminToken };
};

/** Tells the terminal program where the server listens. It never sees half of it; a power cut may lose it. */
export const announceServer = (dataDir: string, url: string): void => {
  const path = join(dataDir, SERVER_FILE);
  const draft = `${path}.draft-${process.pid}`;
  writeFileSync(draft, `${JSON.stringify({ url, pid: process.pid })}\n`, { mode: 0o600 });
  renameSync(draft, path);
};

/** Takes the announcement back. */
export const retractServer = (dataDir: string): void => rmSync(join(dataDir, SERVER_FILE), { force: true });

const readOrMake = async (
  name: SecretFile,
  config: Pick<Config, "dataDir" | "databaseUrl">,
  deps: DataDirDeps,
): Promise<string> => {
  const path = join(config.dataDir, name);
  const { state } = read(name, path);
  if (state !== "whole") {
    if (state === "missing" && (name === ADMIN_TOKEN_FILE || isNewDatabase(config.databaseUrl))) {
      make(path, deps.random);
    } else {
      await replaceLost(name, path, { ...deps, databaseUrl: config.databaseUrl });
    }
  }
  const found = read(name, path);
  if (found.state !== "whole") throw new DataDirError(`${path} is ${found.state}: ${ADVICE[name](path)}`);
  // Also one that was there: the start that made it may have been killed before it had synced it.
  await syncFile(path);
  syncFolder(config.dataDir);
  return found.secret;
};

/** Of two processes that start, the first one's stays, and both read it afterwards. */
const make = (path: string, random: Random): void => {
  const content = `${Buffer.from(random(SECRET_BYTES)).toString("base64url")}\n`;
  const draft = `${path}.draft-${Buffer.from(random(DRAFT_NAME_BYTES)).toString("hex")}`;
  try {
    createFile(path, { content, draft });
  } catch (error) {
    // ENOENT: the other process has removed our draft, as it does when its own file is there.
    if (codeOf(error) === "EEXIST" || (codeOf(error) === "ENOENT" && existsSync(path))) return;
    throw error;
  }
};

/** Makes a file anew when nothing depends on its old content. One process at a time does so on a database. */
const replaceLost = async (
  name: SecretFile,
  path: string,
  { random, log, databaseUrl }: DataDirDeps & { readonly databaseUrl: string },
): Promise<void> => {
  const database = await openDatabase(databaseUrl);
  try {
    await database.write(async (tx: UnitOfWork) => {
      await tx.lock(`data-folder:${name}`);
      const { state } = read(name, path);
      if (state === "whole") return;
      if (name === SECRET_FILE && (await hasChallenges(tx))) {
        throw new DataDirError(
          `${path} is ${state}, and codes were sent that were made with it: ${ADVICE[name](path)}`,
        );
      }
      if (state === "empty") rmSync(path, { force: true });
      make(path, random);
      log.warn({}, `${path} was ${state}, as a power cut may leave it: it was made anew`);
    });
  } finally {
    await database.close();
  }
};

/** How an admin gets a file back that the server cannot read. */
const ADVICE: Readonly<Record<SecretFile, (path: string) => string>> = {
  [SECRET_FILE]: (path) =>
    `put it back from where it is kept with the backups, or set EDVOYAGE_SECRET; if it is lost, make another with ` +
    `"openssl rand -base64 32 > ${path}" (codes of the last 5 minutes stop working then, and trying one costs an attempt)`,
  [ADMIN_TOKEN_FILE]: () =>
    `delete it, and the next start makes another: nothing but its holders depends on it`,
};

const read = (name: SecretFile, path: string): Found => {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    if (code === "ENOENT") return { state: "missing" };
    const cause = code === "EISDIR" ? "is a folder" : `cannot be read (${code})`;
    throw new DataDirError(`${path} ${cause}: it must be a file that the server's user can read`, {
      cause: error,
    });
  }
  // Some file systems keep the length of a file that was not synced, with zeros for its bytes.
  const secret = content.replaceAll("\0", "").trim();
  if (secret === "") return { state: "empty" };
  if (secret.length < MIN_SECRET_CHARACTERS || /\p{Cc}/u.test(content.trim())) {
    const fault = `has less than ${MIN_SECRET_CHARACTERS} characters, or others than text`;
    throw new DataDirError(`${path} is damaged, it ${fault}: ${ADVICE[name](path)}`);
  }
  return { state: "whole", secret };
};

/** SQLite's file is made after the secret, so without it nobody can have asked for a code. */
const isNewDatabase = (url: string): boolean =>
  url.startsWith("sqlite:") && !existsSync(url.slice("sqlite:".length));

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
