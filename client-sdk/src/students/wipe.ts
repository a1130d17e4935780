import type { Wipe } from "../auth/device.ts";
import { keysOfAcked } from "../outbox/stored-entry.ts";
import { openRecords } from "../storage/open-records.ts";
import { remove, type Records } from "../storage/records.ts";
import { isStorageError } from "../storage/storage.ts";
import type { ClientEnvironment } from "../runtime/environment.ts";
import { storeNameOf } from "./open-student.ts";
import { secretNameOf } from "./session-store.ts";

/** What of a student's store was written by her and is not on the server yet. */
const UNSENT_PREFIXES = ["outbox/", "edit/", "lost/"];

/**
 * Deletes what a student who has left had on this device but, if told, what was not sent yet. Her store is closed. Doing it
 * again is no error.
 */
export const wipeStudent = async (
  { userId, keepsUnsent }: Wipe,
  surroundings: Pick<ClientEnvironment, "storage" | "secureStorage" | "report">,
): Promise<void> => {
  const { storage, secureStorage } = surroundings;
  const name = storeNameOf(userId);
  let isEmpty = false;
  try {
    const records = await openRecords(name, surroundings);
    try {
      isEmpty = !keepsUnsent || (await dropAllElse(records));
    } finally {
      await records.close();
    }
    if (isEmpty) await storage.delete(name);
  } catch (error) {
    // Another program, which does the same, was faster.
    if (!isStorageError(error) || error.kind !== "closed") throw error;
  }
  await secureStorage?.delete(secretNameOf(userId));
};

/** Drops what was sent, or was never hers to send. Returns whether nothing had to stay. */
const dropAllElse = async (records: Records): Promise<boolean> => {
  // First: one that is found damaged by it is among the damaged then.
  const acked = new Set(await keysOfAcked(records));
  const isUnsent = (key: string): boolean =>
    !acked.has(key) && UNSENT_PREFIXES.some((prefix) => key.startsWith(prefix));
  const keys = await records.keys("");
  if (!keys.some(isUnsent)) return true;
  const gone = [...keys.filter((key) => !isUnsent(key)), ...(await records.damagedKeys())];
  await records.write(gone.map(remove));
  return false;
};
