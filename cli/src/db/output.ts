import { existsSync, statSync } from "node:fs";
import { chmod, constants, copyFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { CommandError } from "../failure.ts";

/** Before anything is done: throws `conflict` for a file that is there, `input/invalid` for a folder that is not. */
export const assertFree = (output: string): void => {
  if (existsSync(output))
    throw new CommandError("conflict", `${output} is there already.`, {
      hints: ["Name another file, or delete that one."],
    });
  if (!statSync(dirname(output), { throwIfNoEntry: false })?.isDirectory())
    throw new CommandError("input/invalid", `There is no folder ${dirname(output)}.`);
};

/**
 * Copies a backup to where it was asked for, for its owner alone; the file has its name once it is whole and
 * on the disk, and replaces none. The server writes into its own folder and nowhere that a request says, so this is done here.
 * Throws `not-found` when the server keeps its files on another machine.
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
 * Writes a new file for its owner alone, from its first byte on, and never over another one; it has its name once it is
 * whole and on the disk. Resolves with its size in bytes.
 */
export const writeOutput = async (output: string, content: string): Promise<number> => {
  const { createFile } = await loadFiles();
  createFile(output, { content, draft: draftOf(output) });
  return statSync(output).size;
};

const draftOf = (output: string): string => `${output}.partial`;

/** The whole server comes with it: loaded for those who need it. */
const loadFiles = () => import("../in-process.ts");
