import type { SessionId, UserId } from "@edvoyage/protocol";
import { putJson, remove } from "../storage/records.ts";
import type { Change } from "../storage/storage.ts";
import type { StoredProgress, Student } from "./auth-status.ts";

// Changes of the device's records, to be written together. Import them as `deviceChanges`.

/** A session that ended on this device; the server may not know about it yet. */
export interface EndedSession {
  readonly id: SessionId;
  readonly token: string;
}

/** The data of a student who has left, which must be deleted from the device. */
export interface Wipe {
  readonly userId: UserId;
  /** Keeps unsent commands for the student's next sign-in. */
  readonly keepsUnsent: boolean;
}

/** The key of the last student who has not signed out here. */
export const CURRENT = "current";
/** The key of a sign-in in progress. */
export const PROGRESS = "sign-in";
/** The prefix of the keys of ended sessions. */
export const ENDED = "ended/";
/** The prefix of the keys of students whose data must be deleted. */
export const WIPE = "wipe/";

/** Stores who uses the device. */
export const setCurrent = (student: Student): Change => putJson(CURRENT, student);

/** Stores that nobody uses the device. */
export const clearCurrent = (): Change => remove(CURRENT);

/** Stores a sign-in in progress. */
export const setProgress = (progress: StoredProgress): Change => putJson(PROGRESS, progress);

/** Removes the sign-in in progress. */
export const clearProgress = (): Change => remove(PROGRESS);

/** Stores a session that the server has to be told about. */
export const addEnded = (ended: EndedSession): Change => putJson(`${ENDED}${ended.id}`, ended);

/** Removes a session that the server knows to be over. */
export const removeEnded = (id: SessionId): Change => remove(`${ENDED}${id}`);

/** Stores that a student's data must be deleted. */
export const addWipe = (wipe: Wipe): Change => putJson(`${WIPE}${wipe.userId}`, wipe);

/** Removes that, after it was done or because the student is back. */
export const removeWipe = (userId: UserId): Change => remove(`${WIPE}${userId}`);
