import { statfs } from "node:fs/promises";
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import { StorageError } from "../storage-error.ts";

/** What a worker answers: errors lose their class on the way. */
export type RewriteAnswer =
  | { readonly state: "done" }
  | { readonly state: "failed"; readonly isFull: boolean; readonly message: string };

/** The new file is written once beside the old one and once into its log. */
const ROOM_FACTOR = 2;
/** Left free: a disk that this filled would stop the database. */
const SPARE_BYTES = 16 * 1024 * 1024;

/**
 * Writes a SQLite file anew, with what is in it now and nothing of what was, and empties its log. In a thread of its own, as
 * it may take a minute and a server has other things to do; nobody may write meanwhile. Killed, it leaves the file as it was.
 * Throws `StorageError`: `full` before it begins when the disk has no room.
 */
export const rewriteFile = async (path: string): Promise<void> => {
  const { bavail, bsize } = await statfs(dirname(path));
  if (bavail * bsize < ROOM_FACTOR * statSync(path).size + SPARE_BYTES)
    throw new StorageError("full", "The disk has no room to write the database anew");
  // The compiled one, also when this module runs from source.
  const worker = new Worker(new URL("../../dist/dialects/rewrite-file.worker.js", import.meta.url), {
    workerData: path,
  });
  const answer = await new Promise<RewriteAnswer>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () =>
      reject(new Error("The thread that writes the file anew ended without an answer")),
    );
  });
  if (answer.state === "failed")
    throw new StorageError(answer.isFull ? "full" : "unavailable", answer.message);
};
