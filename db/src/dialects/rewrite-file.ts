import { statfs } from "node:fs/promises";
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import { StorageError } from "../storage-error.ts";

/** The result of a worker as plain data, because errors lose their class between threads. */
export type RewriteAnswer =
  | { readonly state: "done" }
  | { readonly state: "failed"; readonly isFull: boolean; readonly message: string };

/** The new content is written twice: to a temporary file and to the log of the old file. */
const ROOM_FACTOR = 2;
/** Space that must stay free; otherwise the rewrite could fill the disk and stop the database. */
const SPARE_BYTES = 16 * 1024 * 1024;

/**
 * Rewrites a SQLite file with only its current content, and empties its log. It runs in a separate thread, because it may
 * take a minute and must not block a server. Nobody may write meanwhile. If it is killed, the file stays as it was.
 * Throws `StorageError`: `full` before it begins if the disk has no room.
 */
export const rewriteFile = async (path: string): Promise<void> => {
  const { bavail, bsize } = await statfs(dirname(path));
  if (bavail * bsize < ROOM_FACTOR * statSync(path).size + SPARE_BYTES)
    throw new StorageError("full", "The disk has no room to rewrite the database");
  // Use the compiled worker, also when this module runs from source.
  const worker = new Worker(new URL("../../dist/dialects/rewrite-file.worker.js", import.meta.url), {
    workerData: path,
  });
  const answer = await new Promise<RewriteAnswer>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () =>
      reject(new Error("The thread that rewrites the database ended without an answer")),
    );
  });
  if (answer.state === "failed")
    throw new StorageError(answer.isFull ? "full" : "unavailable", answer.message);
};
