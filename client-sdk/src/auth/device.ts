import type { SessionId, UserId } from "@edvoyage/protocol";
import { bytesToHex, type RandomBytes } from "../runtime/ids.ts";
import { putJson, remove, type Records } from "../storage/records.ts";
import type { Change } from "../storage/storage.ts";
import type { StoredProgress, Student } from "./auth-status.ts";

/** What is this installation's and no student's. */
export interface Device {
  /** 128 random bits, made once; the server blocks and trusts phones by it. A secret. */
  readonly deviceId: string;
  /** Who was here last and has not left: also when her own store has lost its session. */
  current(): Promise<Student | undefined>;
  progress(): Promise<StoredProgress | undefined>;
  endedSessions(): Promise<readonly EndedSession[]>;
  /** Students whose data must leave the device, and what of it stays. */
  wipes(): Promise<readonly Wipe[]>;
  /** Removes what was set aside as damaged: it may be of a student who leaves. */
  clearDamaged(): Promise<readonly Change[]>;
  /** All or none. */
  write(changes: readonly Change[]): Promise<void>;
  /** Leaves nothing in its files of what was removed: what was of a student who has left. */
  purge(): Promise<void>;
  close(): Promise<void>;
}

/** A session that was left here and that the server may not know of yet. */
export interface EndedSession {
  readonly id: SessionId;
  readonly token: string;
}

export interface Wipe {
  readonly userId: UserId;
  /** What was not sent yet stays for the next time she signs in. */
  readonly keepsUnsent: boolean;
}

const DEVICE = "device";
const CURRENT = "current";
const PROGRESS = "sign-in";
const ENDED = "ended/";
const WIPE = "wipe/";

/** Changes of what a device keeps, to be written together. */
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

/** Makes the installation's id the first time. */
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
