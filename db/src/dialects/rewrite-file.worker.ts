import { parentPort, workerData } from "node:worker_threads";
import SqliteDriver from "better-sqlite3";
import type { RewriteAnswer } from "./rewrite-file.ts";

/** How long to wait for readers; each of them ends within a turn of the event loop. */
const BUSY_TIMEOUT_MS = 10_000;

const rewrite = (path: string): RewriteAnswer => {
  const connection = new SqliteDriver(path, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    connection.pragma("synchronous = full");
    connection.pragma("secure_delete = on");
    connection.exec("vacuum");
    const [checkpoint] = connection.prepare<[], { busy: number }>("pragma wal_checkpoint(truncate)").all();
    return checkpoint?.busy === 0
      ? { state: "done" }
      : {
          state: "failed",
          isFull: false,
          message: "The log could not be emptied, because another program is reading the database",
        };
  } catch (error) {
    if (!(error instanceof SqliteDriver.SqliteError)) throw error;
    return { state: "failed", isFull: error.code === "SQLITE_FULL", message: error.message };
  } finally {
    connection.close();
  }
};

parentPort?.postMessage(rewrite(String(workerData)));
