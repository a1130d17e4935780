import { statSync } from "node:fs";
import { join } from "node:path";
import { fail, ok, warn, type Finding } from "./finding.ts";

/** The oldest version of Node that runs the server. */
const MIN_NODE = [20, 19] as const;
/** The mode bits of everybody except the owner. */
const OTHERS = 0o077;

/** Judges a Node version such as `20.20.0`. */
export const judgeNode = (version: string): Finding => {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isNewEnough = major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1]);
  if (isNewEnough) return ok("node", `Node ${version} is new enough.`);
  return fail("node", `Node ${version} is too old.`, `Install Node ${MIN_NODE.join(".")} or newer.`);
};

/** Checks the data folder and its secrets. A missing folder has none. */
export const checkDataFolder = (dataDir: string): readonly Finding[] => {
  const mode = modeOf(dataDir);
  if (mode === undefined) {
    return [
      warn(
        "data-folder",
        `There is no data folder at ${dataDir}.`,
        "The server creates it when it starts; name another with --data-dir or EDVOYAGE_DATA_DIR.",
      ),
    ];
  }
  return [
    judgeFolderMode(dataDir, mode),
    ...["secret", "admin-token"].flatMap((name) => {
      const path = join(dataDir, name);
      const fileMode = modeOf(path);
      return fileMode === undefined ? [] : [judgeSecretMode(name, path, fileMode)];
    }),
  ];
};

/** Judges the data folder's mode bits. */
export const judgeFolderMode = (path: string, mode: number): Finding =>
  isPrivate(mode)
    ? ok("data-folder", `Only its owner can read the data folder ${path}.`)
    : warn("data-folder", `Other users can read the data folder ${path}.`, `Close it: chmod 700 ${path}`);

/** Judges the mode bits of a file with a secret. */
export const judgeSecretMode = (check: string, path: string, mode: number): Finding =>
  isPrivate(mode)
    ? ok(check, `Only its owner can read ${path}.`)
    : fail(check, `Other users can read ${path}.`, `Close it: chmod 600 ${path}`);

// Windows has no such mode bits; the ones that Node shows there mean nothing.
const isPrivate = (mode: number): boolean => process.platform === "win32" || (mode & OTHERS) === 0;

const modeOf = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.mode;
