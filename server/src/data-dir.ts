import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "./crypto.ts";

/** Files of the data folder. */
const SECRET_FILE = "secret";
const ADMIN_TOKEN_FILE = "admin-token";
const SERVER_FILE = "server.json";
/** The folder in it that backups go to. */
export const BACKUP_FOLDER = "backups";

const SECRET_BYTES = 32;

/** What the server cannot run without, from the environment or the data folder. */
export interface Secrets {
  readonly secret: string;
  readonly adminToken: string;
}

/**
 * Makes the data folder (mode 0700). Secrets that the environment does not give are read from files in it
 * (mode 0600), or made there: in development alone, production has refused to start without them.
 */
export const prepareDataDir = (
  dataDir: string,
  given: { readonly secret: string | undefined; readonly adminToken: string | undefined },
  random: Random,
): Secrets => {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  return {
    secret: given.secret ?? readOrMake(join(dataDir, SECRET_FILE), random),
    adminToken: given.adminToken ?? readOrMake(join(dataDir, ADMIN_TOKEN_FILE), random),
  };
};

/** Tells the terminal program where the server listens. */
export const announceServer = (dataDir: string, url: string): void => {
  writeFileSync(join(dataDir, SERVER_FILE), `${JSON.stringify({ url, pid: process.pid })}\n`, {
    mode: 0o600,
  });
};

/** Takes the announcement back. */
export const retractServer = (dataDir: string): void => rmSync(join(dataDir, SERVER_FILE), { force: true });

const readOrMake = (path: string, random: Random): string => {
  try {
    writeFileSync(path, `${Buffer.from(random(SECRET_BYTES)).toString("base64url")}\n`, {
      mode: 0o600,
      flag: "wx",
    });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  const secret = readFileSync(path, "utf8").trim();
  if (secret.length < SECRET_BYTES)
    throw new Error(`${path} is empty or damaged: delete it to have a new one made`);
  return secret;
};
