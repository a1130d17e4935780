import type { Wipe } from "../auth/device-changes.ts";
import { keysOfAcked } from "../outbox/stored-entry.ts";
import { openRecords } from "../storage/open-records.ts";
import { remove, type Records } from "../storage/records.ts";
import { isStorageError } from "../storage/storage.ts";
import type { ClientEnvironment } from "../runtime/environment.ts";
import { storeNameOf } from "./open-student.ts";
import { secretNameOf } from "./session-store.ts";

/** The key prefixes of data that the student wrote and that may not be on the server yet. */
const UNSENT_PREFIXES = ["outbox/", "edit/", "lost/"];

/**
 * Deletes the data of a student who has left, except unsent data with `keepsUnsent`. The student's store must be
 * closed. Calling it again is no error.
 */
export const wipeStudent = async (
  { userId, keepsUnsent }: Wipe,
  environment: Pick<ClientEnvironment, "storage" | "secureStorage" | "report">,
): Promise<void> => {
  const { storage, secureStorage } = environment;
  const name = storeNameOf(userId);
  let isEmpty = false;
  try {
    const records = await openRecords(name, environment);
    try {
      isEmpty = !keepsUnsent || (await deleteAllButUnsent(records));
    } finally {
      await records.close();
    }
    if (isEmpty) await storage.delete(name);
  } catch (error) {
    // Another program was faster; it deletes the same data.
    if (!isStorageError(error) || error.kind !== "closed") throw error;
  }
  await secureStorage?.delete(secretNameOf(userId));
};

/** Deletes everything except unsent data. Returns whether nothing had to stay. */
const deleteAllButUnsent = async (records: Records): Promise<boolean> => {
  // Read first: a record that this finds damaged is then among the damaged ones.
  const acked = new Set(await keysOfAcked(records));
  const isUnsent = (key: string): boolean =>
    !acked.has(key) && UNSENT_PREFIXES.some((prefix) => key.startsWith(prefix));
  const keys = await records.keys("");
  if (!keys.some(isUnsent)) return true;
  const removableKeys = [...keys.filter((key) => !isUnsent(key)), ...(await records.damagedKeys())];
  await records.write(removableKeys.map(remove));
  return false;
};
