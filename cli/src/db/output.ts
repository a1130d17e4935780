import { existsSync, statSync } from "node:fs";
import { chmod, constants, copyFile, open, rename, rm } from "node:fs/promises";
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
 * on the disk. The server writes into its own folder and nowhere that a request says, so this is done here.
 * Throws `not-found` when the server keeps its files on another machine.
 */
export const copyBackup = async (
  { path, sizeBytes }: { readonly path: string; readonly sizeBytes: number },
  output: string,
): Promise<void> => {
  if (statSync(path, { throwIfNoEntry: false })?.size !== sizeBytes)
    throw new CommandError("not-found", "The server is on another machine.");
  const partial = `${output}.partial`;
  try {
    await copyFile(path, partial, constants.COPYFILE_FICLONE);
    await chmod(partial, 0o600);
    await sync(partial);
    await rename(partial, output);
  } finally {
    await rm(partial, { force: true });
  }
};

const sync = async (path: string): Promise<void> => {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
};
