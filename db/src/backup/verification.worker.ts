import { parentPort, workerData } from "node:worker_threads";
import { BackupError } from "./backup-error.ts";
import { verifyCopy, type VerificationAnswer } from "./verification.ts";

const verify = (path: string): VerificationAnswer => {
  try {
    return { state: "verified", copy: verifyCopy(path) };
  } catch (error) {
    if (error instanceof BackupError) return { state: "refused", kind: error.kind, message: error.message };
    throw error;
  }
};

parentPort?.postMessage(verify(String(workerData)));
