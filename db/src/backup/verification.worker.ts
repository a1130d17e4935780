import { parentPort, workerData } from "node:worker_threads";
import { BackupError } from "./backup-error.ts";
import { verifyCopy, type VerificationAnswer, type VerificationTask } from "./verification.ts";

const verify = (task: VerificationTask): VerificationAnswer => {
  try {
    return { state: "verified", copy: verifyCopy(task) };
  } catch (error) {
    if (error instanceof BackupError) return { state: "refused", kind: error.kind, message: error.message };
    throw error;
  }
};

parentPort?.postMessage(verify(workerData));
