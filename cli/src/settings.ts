import { Option } from "commander";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { flag, text, type ParameterSet, type ValuesOf } from "./parameter.ts";
import { CommandError } from "./failure.ts";

/** The parameters of every command. Commander accepts them anywhere on the command line. */
export const globalParameters = {
  url: text(
    "--url <url>",
    "The server (default: EDVOYAGE_URL, otherwise the one that runs on the data folder)",
  ),
  dataDir: text("--data-dir <dir>", "The data folder (default: EDVOYAGE_DATA_DIR, otherwise ./data)"),
  db: {
    declaration: new Option(
      "--db [url]",
      "Open the database itself when no server runs (default: EDVOYAGE_DATABASE_URL, otherwise the one in the data folder)",
    ).conflicts("url"),
    read: (raw: unknown) => (typeof raw === "string" && raw !== "" ? raw : raw !== undefined),
  },
  json: flag("--json", "Print data as JSON, and errors as JSON on standard error"),
  yes: flag("--yes", "Do not ask for confirmation"),
} satisfies ParameterSet;

/** The values of the global parameters. */
export type GlobalValues = ValuesOf<typeof globalParameters>;

/** The server or database that a command uses. */
export type Target =
  | { readonly state: "server"; readonly url: string }
  /** In process. Without a URL, the database that the environment names. */
  | { readonly state: "database"; readonly url: string | undefined };

/** The settings of a command, from options, environment and data folder. */
export interface Settings {
  /** An absolute path. */
  readonly dataDir: string;
  readonly target: Target;
  /** `undefined` if none was found. */
  readonly adminToken: string | undefined;
  /** The hint for an admin token that is refused. */
  readonly tokenAdvice: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_URL = "http://127.0.0.1:4000";
const TOKEN_VARIABLE = "EDVOYAGE_ADMIN_TOKEN";

/** Combines options, environment and data folder. Throws `input/invalid` for an invalid URL. */
export const readSettings = (given: GlobalValues, environment: Environment): Settings => {
  const dataDir = resolve(given.dataDir ?? (environment["EDVOYAGE_DATA_DIR"] || "./data"));
  return {
    dataDir,
    target: readTarget(given, environment, dataDir),
    ...readAdminToken(environment, join(dataDir, "admin-token")),
  };
};

const readTarget = ({ url, db }: GlobalValues, environment: Environment, dataDir: string): Target => {
  if (db !== false) return { state: "database", url: db === true ? undefined : db };
  if (url !== undefined) return { state: "server", url: parseUrl(url, "--url") };
  const named = environment["EDVOYAGE_URL"];
  if (named) return { state: "server", url: parseUrl(named, "EDVOYAGE_URL") };
  return { state: "server", url: announcedUrl(join(dataDir, "server.json")) ?? DEFAULT_URL };
};

const parseUrl = (url: string, source: string): string => {
  if (isHttpUrl(url)) return url.replace(/\/+$/, "");
  throw new CommandError("input/invalid", `${source} must be a URL such as https://api.example.org.`);
};

const isHttpUrl = (url: string): boolean => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);

/** Returns the URL of the server that runs on a data folder, as the server announced it. */
const announcedUrl = (path: string): string | undefined => {
  const announcement = readIfExists(path);
  // An incomplete file counts as none: the server is just writing it.
  const url = /"url":"([^"]+)"/.exec(announcement ?? "")?.[1];
  return url !== undefined && isHttpUrl(url) ? url : undefined;
};

const readAdminToken = (
  environment: Environment,
  path: string,
): Pick<Settings, "adminToken" | "tokenAdvice"> => {
  const given = environment[TOKEN_VARIABLE]?.trim();
  if (given)
    return { adminToken: given, tokenAdvice: `The token in ${TOKEN_VARIABLE} is not this server's.` };
  const adminToken = readIfExists(path)?.trim() || undefined;
  const tokenAdvice = adminToken
    ? `The token in ${path} is not this server's: set ${TOKEN_VARIABLE}, or name its data folder with --data-dir.`
    : `No token was found in ${TOKEN_VARIABLE} nor in ${path}: set the one, or name a data folder with --data-dir.`;
  return { adminToken, tokenAdvice };
};

const readIfExists = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The file is missing or not readable. The code that needs it reports where it looked.
    return undefined;
  }
};
