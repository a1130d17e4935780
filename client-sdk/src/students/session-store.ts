import { SESSION_IDLE_MS, SESSION_LIFETIME_MS, type SessionId, type UserId } from "@edvoyage/protocol";
import type { SessionEndReason, Student } from "../auth/auth-status.ts";
import { crc32 } from "../storage/crc32.ts";
import { putJson, remove, type Records } from "../storage/records.ts";
import type { SecureStorage } from "../storage/secrets.ts";
import type { Peers } from "../storage/storage.ts";
import { createCrossTabLock, createSerialQueue } from "../runtime/serial-queue.ts";

/** A student's session on this device, without its key. All times are by the device's clock. */
export interface StoredSession {
  readonly id: SessionId;
  readonly student: Student;
  readonly signedInAt: number;
  /** When the server will end the session if it is not used. An estimate, for the time without a network. */
  readonly expiresAt: number;
  /** When the server last answered, accurate to ten minutes. */
  readonly heardAt?: number;
  /** The reason, once the server has said that the session is over. */
  readonly endedBecause?: SessionEndReason;
}

/** Stores a student's session and its key: both inside the student's store, or the key in the device's keychain. */
export interface SessionStore {
  session(): Promise<StoredSession | undefined>;
  token(): Promise<string | undefined>;
  save(session: StoredSession, token: string): Promise<void>;
  /** Stores a later `expiresAt`, because the session was used. Does nothing once another session is stored. */
  touch(session: StoredSession): Promise<void>;
  /** Stores why the session ended, and deletes its key. Does nothing once another session is stored. */
  end(session: StoredSession): Promise<void>;
  /** Waits for running writes. */
  settle(): Promise<void>;
}

const SESSION = "session";
const TOKEN = "session-key";
/** The CRC-32 of the key in the keychain, which ties that key to this store. */
const TOKEN_CHECK = "session-key-check";

/** Returns the name of a student's session key in the keychain. */
export const secretNameOf = (userId: UserId): string => `edvoyage.session.${userId}`;

/** Creates the session store of a student. Writes run in the order of the calls, record and key together. */
export const createSessionStore = ({
  userId,
  records,
  secureStorage,
  peers,
}: {
  readonly userId: UserId;
  readonly records: Records;
  readonly secureStorage: SecureStorage | undefined;
  /** For programs that share the store: their writes run one after the other. */
  readonly peers: Peers | undefined;
}): SessionStore => {
  const secretName = secretNameOf(userId);
  const runSerially = createSerialQueue();
  const lock = createCrossTabLock(peers, `session ${userId}`);
  const runExclusively: typeof runSerially = (task) => runSerially(() => lock(task));
  const read = (): Promise<StoredSession | undefined> => records.getJson<StoredSession>(SESSION);
  /** Runs a task unless another session was stored in the meantime, by this program or another one. */
  const unlessReplaced = ({ id }: StoredSession, task: () => Promise<void>): Promise<void> =>
    runExclusively(async () => {
      const stored = await read();
      if (!stored || stored.id === id) await task();
    });
  return {
    session: read,
    token: async () => {
      if (!secureStorage) return records.getJson<string>(TOKEN);
      const token = await secureStorage.get(secretName);
      const check = await records.getJson<number>(TOKEN_CHECK);
      // The key of another session: the store was restored from a backup, or comes from another device of the student.
      return token === undefined || check === undefined || check === checkOf(token) ? token : undefined;
    },
    save: (session, token) =>
      runExclusively(async () => {
        if (!secureStorage) return records.write([putJson(SESSION, session), putJson(TOKEN, token)]);
        await secureStorage.set(secretName, token);
        return records.write([putJson(SESSION, session), putJson(TOKEN_CHECK, checkOf(token))]);
      }),
    touch: (session) => unlessReplaced(session, () => records.write([putJson(SESSION, session)])),
    end: (session) =>
      unlessReplaced(session, async () => {
        await records.write([putJson(SESSION, session), remove(TOKEN)]);
        await secureStorage?.delete(secretName);
      }),
    settle: () => runSerially(async () => {}),
  };
};

const checkOf = (token: string): number => crc32(new TextEncoder().encode(token));

/** Returns a placeholder for a session whose record was lost. */
export const lostSession = (student: Student): StoredSession => ({
  id: "" as SessionId,
  student,
  signedInAt: 0,
  expiresAt: 0,
  endedBecause: "session/required",
});

/** Returns when a session that is used now will end if it is not used again. */
export const expiryAfterUse = (signedInAt: number, now: number): number =>
  Math.min(now + SESSION_IDLE_MS, signedInAt + SESSION_LIFETIME_MS);
