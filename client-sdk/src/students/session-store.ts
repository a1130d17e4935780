import { SESSION_IDLE_MS, SESSION_LIFETIME_MS, type SessionId, type UserId } from "@edvoyage/protocol";
import type { SessionEndReason, Student } from "../auth/auth-status.ts";
import { putJson, remove, type Records } from "../storage/records.ts";
import type { SecureStorage } from "../storage/secrets.ts";

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
  /** Moves `expiresAt` on: the session was used. */
  touch(session: StoredSession): Promise<void>;
  /** Keeps why it ended, and drops the key. */
  end(session: StoredSession): Promise<void>;
  /** Drops the key alone, as before the store is deleted. */
  dropToken(): Promise<void>;
}

const SESSION = "session";
const TOKEN = "session-key";

export const createSessionStore = ({
  userId,
  records,
  secureStorage,
}: {
  readonly userId: UserId;
  readonly records: Records;
  readonly secureStorage: SecureStorage | undefined;
}): SessionStore => {
  const secretName = `edvoyage.session.${userId}`;
  return {
    session: () => records.getJson<StoredSession>(SESSION),
    token: () => (secureStorage ? secureStorage.get(secretName) : records.getJson<string>(TOKEN)),
    save: async (session, token) => {
      if (!secureStorage) return records.write([putJson(SESSION, session), putJson(TOKEN, token)]);
      await secureStorage.set(secretName, token);
      return records.write([putJson(SESSION, session)]);
    },
    touch: (session) => records.write([putJson(SESSION, session)]),
    end: async (session) => {
      await records.write([putJson(SESSION, session), remove(TOKEN)]);
      await secureStorage?.delete(secretName);
    },
    dropToken: async () => {
      await secureStorage?.delete(secretName);
      await records.write([remove(TOKEN)]);
    },
  };
};

/** When a session that is used now will end if it is not used again. */
export const expiryAfterUse = (signedInAt: number, now: number): number =>
  Math.min(now + SESSION_IDLE_MS, signedInAt + SESSION_LIFETIME_MS);
