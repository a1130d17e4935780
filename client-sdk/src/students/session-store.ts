import { SESSION_IDLE_MS, SESSION_LIFETIME_MS, type SessionId, type UserId } from "@edvoyage/protocol";
import type { SessionEndReason, Student } from "../auth/auth-status.ts";
import { putJson, remove, type Records } from "../storage/records.ts";
import type { SecureStorage } from "../storage/secrets.ts";
import type { Peers } from "../storage/storage.ts";
import { createCrossTabLock, createSerialQueue } from "../runtime/serial-queue.ts";

/** A student's session on this device, without its key. Instants are of the device's clock. */
export interface StoredSession {
  readonly id: SessionId;
  readonly student: Student;
  readonly signedInAt: number;
  /** When the server will end it if it is not used: only a guess, for the time without a network. */
  readonly expiresAt: number;
  /** When the server was last heard of, exact to ten minutes. */
  readonly heardAt?: number;
  /** Set once the server has said that it is over. */
  readonly endedBecause?: SessionEndReason;
}

/** Where a student's session and its key are kept: inside her own store, or with the key in the device's keychain. */
export interface SessionStore {
  session(): Promise<StoredSession | undefined>;
  token(): Promise<string | undefined>;
  save(session: StoredSession, token: string): Promise<void>;
  /** Moves `expiresAt` on: the session was used. Does nothing once another one is kept. */
  touch(session: StoredSession): Promise<void>;
  /** Keeps why it ended, and drops its key. Does nothing once another one is kept. */
  end(session: StoredSession): Promise<void>;
  /** Waits for what is being written. */
  settle(): Promise<void>;
}

const SESSION = "session";
const TOKEN = "session-key";

/** What a keychain knows the key of a student's session by. */
export const secretNameOf = (userId: UserId): string => `edvoyage.session.${userId}`;

/** What is written is written in the order in which it was asked for, record and key together. */
export const createSessionStore = ({
  userId,
  records,
  secureStorage,
  peers,
}: {
  readonly userId: UserId;
  readonly records: Records;
  readonly secureStorage: SecureStorage | undefined;
  /** For programs that share the store: they write one after the other. */
  readonly peers: Peers | undefined;
}): SessionStore => {
  const secretName = secretNameOf(userId);
  const turn = createSerialQueue();
  const lock = createCrossTabLock(peers, `session ${userId}`);
  const inTurn: typeof turn = (task) => turn(() => lock(task));
  const read = (): Promise<StoredSession | undefined> => records.getJson<StoredSession>(SESSION);
  /** What is about a session must not touch the next one, which this program or another has saved meanwhile. */
  const unlessReplaced = ({ id }: StoredSession, task: () => Promise<void>): Promise<void> =>
    inTurn(async () => {
      const kept = await read();
      if (!kept || kept.id === id) await task();
    });
  return {
    session: read,
    token: () => (secureStorage ? secureStorage.get(secretName) : records.getJson<string>(TOKEN)),
    save: (session, token) =>
      inTurn(async () => {
        if (!secureStorage) return records.write([putJson(SESSION, session), putJson(TOKEN, token)]);
        await secureStorage.set(secretName, token);
        return records.write([putJson(SESSION, session)]);
      }),
    touch: (session) => unlessReplaced(session, () => records.write([putJson(SESSION, session)])),
    end: (session) =>
      unlessReplaced(session, async () => {
        await records.write([putJson(SESSION, session), remove(TOKEN)]);
        await secureStorage?.delete(secretName);
      }),
    settle: () => turn(async () => {}),
  };
};

/** What stands for a session of which nothing is known any more. */
export const lostSession = (student: Student): StoredSession => ({
  id: "" as SessionId,
  student,
  signedInAt: 0,
  expiresAt: 0,
  endedBecause: "session/required",
});

/** When a session that is used now will end if it is not used again. */
export const expiryAfterUse = (signedInAt: number, now: number): number =>
  Math.min(now + SESSION_IDLE_MS, signedInAt + SESSION_LIFETIME_MS);
