import type { SessionId, UserId } from "@edvoyage/protocol";
import { bytesToHex, type RandomBytes } from "../runtime/ids.ts";
import { putJson, remove, type Records } from "../storage/records.ts";
import type { Change } from "../storage/storage.ts";
import type { StoredProgress, Student } from "./auth-status.ts";

/** The records of this installation that belong to no student. */
export interface Device {
  /** 128 random bits, created once; the server blocks and trusts phones by this id. Secret. */
  readonly deviceId: string;
  /** Returns the last student who has not signed out here, even if the student's own store has lost its session. */
  current(): Promise<Student | undefined>;
  progress(): Promise<StoredProgress | undefined>;
  endedSessions(): Promise<readonly EndedSession[]>;
  /** Returns the students whose data must be deleted from the device, and how much of it to delete. */
  wipes(): Promise<readonly Wipe[]>;
  /** Returns the changes that remove damaged records: they may belong to the student who is leaving. */
  clearDamaged(): Promise<readonly Change[]>;
  /** Writes all changes or none. */
  write(changes: readonly Change[]): Promise<void>;
  /** Removes every trace of deleted records from the files: they may have belonged to a student who has left. */
  purge(): Promise<void>;
  close(): Promise<void>;
}

/** A session that ended on this device; the server may not know about it yet. */
export interface EndedSession {
  readonly id: SessionId;
  readonly token: string;
}

export interface Wipe {
  readonly userId: UserId;
  /** Keeps unsent commands for the student's next sign-in. */
  readonly keepsUnsent: boolean;
}

const DEVICE = "device";
const CURRENT = "current";
const PROGRESS = "sign-in";
const ENDED = "ended/";
const WIPE = "wipe/";

/** Builds changes of the device's records, to be written together. */
export const deviceChanges = {
  setCurrent: (student: Student): Change => putJson(CURRENT, student),
  clearCurrent: (): Change => remove(CURRENT),
  setProgress: (progress: StoredProgress): Change => putJson(PROGRESS, progress),
  clearProgress: (): Change => remove(PROGRESS),
  addEnded: (ended: EndedSession): Change => putJson(`${ENDED}${ended.id}`, ended),
  removeEnded: (id: SessionId): Change => remove(`${ENDED}${id}`),
  addWipe: (wipe: Wipe): Change => putJson(`${WIPE}${wipe.userId}`, wipe),
  removeWipe: (userId: UserId): Change => remove(`${WIPE}${userId}`),
} as const;

/** Opens the records of the installation; creates its id the first time. */
export const openDevice = async (records: Records, randomBytes: RandomBytes): Promise<Device> => {
  let deviceId = await records.getJson<string>(DEVICE);
  if (deviceId === undefined) {
    deviceId = bytesToHex(randomBytes(16));
    await records.write([putJson(DEVICE, deviceId)]);
  }
  const values = async <T>(prefix: string): Promise<readonly T[]> =>
    (await records.listJson<T>(prefix)).map(({ value }) => value);
  return {
    deviceId,
    current: () => records.getJson<Student>(CURRENT),
    progress: () => records.getJson<StoredProgress>(PROGRESS),
    endedSessions: () => values<EndedSession>(ENDED),
    wipes: () => values<Wipe>(WIPE),
    clearDamaged: async () => (await records.damagedKeys()).map(remove),
    write: (changes) => records.write(changes),
    purge: () => records.purge(),
    close: () => records.close(),
  };
};
