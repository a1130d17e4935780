import type { ClientEnvironment } from "../runtime/environment.ts";
import { isEdVoyageError } from "../runtime/errors.ts";
import { secretNameOf } from "../students/session-store.ts";
import { remove, type Records } from "../storage/records.ts";
import type { Change } from "../storage/storage.ts";
import type { StoredProgress, Student } from "./auth-status.ts";
import { CURRENT, ENDED, PROGRESS, WIPE, type EndedSession, type Wipe } from "./device-changes.ts";
import { createDeviceId, DEVICE_ID_RECORD } from "./device-id.ts";

/** The records of this installation that belong to no student. */
export interface Device {
  /**
   * Returns the id of this installation, by which the server blocks and trusts phones. Secret. Throws `device/failed` while the
   * keychain cannot be read.
   */
  deviceId(): Promise<string>;
  /** Returns the last student who has not signed out here, even if the student's own store has lost its session. */
  current(): Promise<Student | undefined>;
  progress(): Promise<StoredProgress | undefined>;
  endedSessions(): Promise<readonly EndedSession[]>;
  /** Returns the students whose data must be deleted from the device, and how much of it to delete. */
  wipes(): Promise<readonly Wipe[]>;
  /** Returns the changes that remove damaged records: they may belong to the student who is leaving. */
  clearDamaged(): Promise<readonly Change[]>;
  /** Returns whether something has deleted the records, and another program has created them again. */
  isReplaced(): Promise<boolean>;
  /** Writes all changes or none. */
  write(changes: readonly Change[]): Promise<void>;
  /** Removes every trace of deleted records from the files: they may have belonged to a student who has left. */
  purge(): Promise<void>;
  close(): Promise<void>;
}

/** Opens the records of the installation. Throws `StorageError`. */
export const openDevice = async (
  records: Records,
  {
    secureStorage,
    randomBytes,
    storage,
  }: Pick<ClientEnvironment, "secureStorage" | "randomBytes" | "storage">,
): Promise<Device> => {
  const current = (): Promise<Student | undefined> => records.getJson<Student>(CURRENT);
  const deviceId = createDeviceId({
    records,
    secureStorage,
    randomBytes,
    peers: storage.peers,
    keyName: async () => {
      const student = await current();
      return student && secretNameOf(student.id);
    },
  });
  // Move an id of an earlier version early, while the session's key still tells whose it is. Otherwise leave the keychain alone.
  const storedId = () => records.getJson(DEVICE_ID_RECORD);
  if (!secureStorage || (await storedId()) !== undefined) {
    await deviceId().catch((error: unknown) => {
      // Without the keychain everything works except a sign-in.
      if (!isEdVoyageError(error)) throw error;
    });
  }
  const idAtStart = await storedId();
  const values = async <T>(prefix: string): Promise<readonly T[]> =>
    (await records.listJson<T>(prefix)).map(({ value }) => value);
  return {
    deviceId,
    current,
    progress: () => records.getJson<StoredProgress>(PROGRESS),
    endedSessions: () => values<EndedSession>(ENDED),
    wipes: () => values<Wipe>(WIPE),
    clearDamaged: async () => (await records.damagedKeys()).map(remove),
    // With a keychain the id is there, or moves there.
    isReplaced: async () => (await storedId()) !== idAtStart && !secureStorage,
    write: (changes) => records.write(changes),
    purge: () => records.purge(),
    close: () => records.close(),
  };
};
