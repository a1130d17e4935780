import { existsSync, statSync } from "node:fs";
import { chmod, constants, copyFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { CommandError } from "../failure.ts";

/**
 * Checks an output path before anything is done. Throws `conflict` if the file exists, and `input/invalid` if its
 * folder does not.
 */
export const assertFree = (output: string): void => {
  if (existsSync(output))
    throw new CommandError("conflict", `${output} already exists.`, {
      hints: ["Name another file, or delete that one."],
    });
  if (!statSync(dirname(output), { throwIfNoEntry: false })?.isDirectory())
    throw new CommandError("input/invalid", `There is no folder ${dirname(output)}.`);
};

/**
 * Copies a backup to the requested path, readable only by its owner. The file gets its name once it is complete and
 * on the disk, and never replaces another one. The copy is made here, because the server writes only into its own
 * folder, never to a path from a request. Throws `not-found` if the server keeps its files on another machine.
 */
export const copyBackup = async (
  { path, sizeBytes }: { readonly path: string; readonly sizeBytes: number },
  output: string,
): Promise<void> => {
  if (statSync(path, { throwIfNoEntry: false })?.size !== sizeBytes)
    throw new CommandError("not-found", "The server is on another machine.");
  const partial = draftOf(output);
  try {
    await copyFile(path, partial, constants.COPYFILE_FICLONE);
    await chmod(partial, 0o600);
    const { publishFile } = await loadFiles();
    await publishFile(partial, output);
  } finally {
    await rm(partial, { force: true });
  }
};

/**
 * Writes a new file that is readable only by its owner from the first byte on. The file gets its name once it is
 * complete and on the disk, and never replaces another one. Resolves with its size in bytes.
 */
export const writeOutput = async (output: string, content: string): Promise<number> => {
  const { createFile } = await loadFiles();
  createFile(output, { content, draft: draftOf(output) });
  return statSync(output).size;
};

const draftOf = (output: string): string => `${output}.partial`;

/** Loaded on demand, because it is the whole server. */
const loadFiles = () => import("../in-process.ts");
