import { closeSync, fsyncSync, openSync } from "node:fs";
import { open } from "node:fs/promises";

/** Waits until what was written to a file is on the disk. */
export const syncFile = async (path: string): Promise<void> => {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
};

/** Waits until the names in a folder are on the disk: a file that was renamed has its old name until then. */
export const syncFolder = (path: string): void => {
  // Windows opens no folders; its file systems keep the order of renames by themselves.
  if (process.platform === "win32") return;
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
};
