import { statSync } from "node:fs";
import { join } from "node:path";
import { fail, ok, warn, type Finding } from "./finding.ts";

/** The oldest Node that runs the server. */
const LEAST_NODE = [20, 19] as const;
/** Mode bits of everybody but the owner. */
const OTHERS = 0o077;

/** Judges a version such as `20.20.0`. */
export const judgeNode = (version: string): Finding => {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isNewEnough = major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1]);
  if (isNewEnough) return ok("node", `Node ${version} is new enough.`);
  return fail("node", `Node ${version} is too old.`, `Install Node ${LEAST_NODE.join(".")} or newer.`);
};

/** Looks at the data folder and its secrets; a folder that is not there has none. */
export const checkDataFolder = (dataDir: string): readonly Finding[] => {
  const mode = modeOf(dataDir);
  if (mode === undefined) {
    return [
      warn(
        "data-folder",
        `There is no data folder at ${dataDir}.`,
        "The server makes it when it starts; name another with --data-dir or EDVOYAGE_DATA_DIR.",
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
  isOwnersAlone(mode)
    ? ok("data-folder", `The data folder ${path} is its owner's alone.`)
    : warn(
        "data-folder",
        `Other users can look into the data folder ${path}.`,
        `Close it: chmod 700 ${path}`,
      );

/** Judges the mode bits of a file with a secret. */
export const judgeSecretMode = (check: string, path: string, mode: number): Finding =>
  isOwnersAlone(mode)
    ? ok(check, `${path} is its owner's alone.`)
    : fail(check, `Other users can read ${path}.`, `Close it: chmod 600 ${path}`);

// Windows has no such bits: what Node shows there says nothing.
const isOwnersAlone = (mode: number): boolean => process.platform === "win32" || (mode & OTHERS) === 0;

const modeOf = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.mode;
