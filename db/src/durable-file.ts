import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** What file systems answer that have no hard links (FAT, exFAT, some network drives; Windows says EISDIR). */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EISDIR"];
/** What file systems answer that cannot sync folders; there is nothing more to be done on them. */
const NO_FOLDER_SYNC = ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];
/** Windows syncs only what was opened for writing; elsewhere a file may be ours to read alone. */
const SYNC_FLAGS = process.platform === "win32" ? "r+" : "r";

/** Waits until what was written to a file is on the disk. */
export const syncFile = async (path: string): Promise<void> => {
  const file = await open(path, SYNC_FLAGS);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
};

/**
 * Waits until the names in a folder are on the disk. Until then a new file may be missing after a power cut, a deleted
 * one may be back, and a renamed one may have its old name.
 */
export const syncFolder = (path: string): void => {
  // Windows opens no folders; its file systems keep the order of renames by themselves.
  if (process.platform === "win32") return;
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } catch (error) {
    if (!hasCode(error, NO_FOLDER_SYNC)) throw error;
  } finally {
    closeSync(folder);
  }
};

/** Makes a folder and the missing ones above it, for their owner alone (mode 0700); their names are on the disk. */
export const makeFolder = (path: string): void => {
  const folder = resolve(path);
  const parent = dirname(folder);
  if (parent === folder) return;
  // From the top down, so that a folder that is there has a parent that was synced.
  if (!existsSync(parent)) makeFolder(parent);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    // Also for a folder that was there: who made it may have been killed before this line.
    syncFolder(parent);
  } catch (error) {
    // A parent that this user may pass through and not read.
    if (!hasCode(error, ["EACCES"])) throw error;
  }
};

/**
 * Makes a small file, for its owner alone (mode 0600). It has its name once it is whole and on the disk; a crash leaves
 * nothing or `draft`, a file beside it. It never replaces a file: of two processes one gets `EEXIST`.
 */
export const createFile = (
  path: string,
  { content, draft }: { readonly content: string; readonly draft: string },
): void => {
  rmSync(draft, { force: true });
  try {
    const file = openSync(draft, "wx", 0o600);
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    nameFile(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
};

/**
 * Gives a file that is complete its name in the same folder: from then on it is there whole, after a power cut too.
 * Throws `EEXIST` when another file has the name, and leaves `draft` alone then.
 */
export const publishFile = async (draft: string, path: string): Promise<void> => {
  await syncFile(draft);
  nameFile(draft, path);
  rmSync(draft, { force: true });
};

/** A link, as a rename would replace a file that came meanwhile. */
const nameFile = (draft: string, path: string): void => {
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!hasCode(error, NO_LINKS)) throw error;
    // Two processes may both get here; whoever is last is then the one whose file stays.
    if (existsSync(path))
      throw Object.assign(new Error(`EEXIST: ${path} is there already`), { code: "EEXIST" });
    renameSync(draft, path);
  }
  syncFolder(dirname(path));
};

const hasCode = (error: unknown, codes: readonly string[]): boolean =>
  error instanceof Error && "code" in error && typeof error.code === "string" && codes.includes(error.code);
