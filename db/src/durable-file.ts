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

/** Error codes of file systems without hard links (FAT, exFAT, some network drives; EISDIR on Windows). */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EISDIR"];
/** Error codes of file systems that cannot sync folders; nothing more can be done there. */
const NO_FOLDER_SYNC = ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];
/** Windows syncs only files that were opened for writing; on other systems a file may be readable only. */
const SYNC_FLAGS = process.platform === "win32" ? "r+" : "r";

/** Waits until the content of a file is on the disk. */
export const syncFile = async (path: string): Promise<void> => {
  const file = await open(path, SYNC_FLAGS);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
};

/**
 * Waits until the file names in a folder are on the disk. Before that, a power cut can remove a new file, bring back a
 * deleted one, or undo a rename.
 */
export const syncFolder = (path: string): void => {
  // Windows cannot open folders; its file systems keep the order of renames by themselves.
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

/**
 * Creates a folder and its missing parents, accessible only to their owner (mode 0700), and syncs their names to the
 * disk.
 */
export const makeFolder = (path: string): void => {
  const folder = resolve(path);
  const parent = dirname(folder);
  if (parent === folder) return;
  // From the top down, so that every existing folder has a synced parent.
  if (!existsSync(parent)) makeFolder(parent);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    // Sync also for an existing folder: the process that created it may have been killed before this line.
    syncFolder(parent);
  } catch (error) {
    // The user may traverse this parent but not read it.
    if (!hasCode(error, ["EACCES"])) throw error;
  }
};

/**
 * Creates a small file, accessible only to its owner (mode 0600). The file gets its name when it is complete and on the
 * disk; a crash leaves nothing or the file `draft`. It never replaces a file: of two processes, one gets `EEXIST`.
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
 * Gives a complete file its final name in the same folder, durably: after that it survives a power cut.
 * Throws `EEXIST` when another file has the name; then `draft` stays as it is.
 */
export const publishFile = async (draft: string, path: string): Promise<void> => {
  await syncFile(draft);
  nameFile(draft, path);
  rmSync(draft, { force: true });
};

/** Uses a hard link, because a rename would replace a file that was created meanwhile. */
const nameFile = (draft: string, path: string): void => {
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!hasCode(error, NO_LINKS)) throw error;
    // Two processes may both get here; then the last one's file stays.
    if (existsSync(path))
      throw Object.assign(new Error(`EEXIST: ${path} already exists`), { code: "EEXIST" });
    renameSync(draft, path);
  }
  syncFolder(dirname(path));
};

const hasCode = (error: unknown, codes: readonly string[]): boolean =>
  error instanceof Error && "code" in error && typeof error.code === "string" && codes.includes(error.code);
