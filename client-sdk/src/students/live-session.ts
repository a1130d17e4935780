import type { SessionEndReason, Student } from "../auth/auth-status.ts";
import { isSessionOver, type EdVoyageError } from "../runtime/errors.ts";
import { createSubject, type Observable } from "../runtime/observable.ts";
import type { ClientEnvironment } from "../runtime/environment.ts";
import { expiryAfterUse, lostSession, type SessionStore, type StoredSession } from "./session-store.ts";

/** A session that has just begun, with its key. */
export interface FreshSession {
  readonly session: StoredSession;
  readonly token: string;
}

/** A student's session while her store is open, and the key that is in use. */
export interface LiveSession {
  readonly session: Observable<StoredSession>;
  /** When the server was last heard of, by this device's clock. */
  readonly lastHeardAt: Observable<number | null>;
  /** The key to ask with: none when there is none, or it is about to be replaced. */
  readonly token: () => string | undefined;
  /** Whether she has a key, be it one that is about to be replaced. */
  readonly hasKey: () => boolean;
  /** Whether the server has taken the session since the store was opened. */
  readonly isConfirmed: () => boolean;
  /** The server has answered. */
  heard(): void;
  /** A call with this key has failed. */
  failed(error: EdVoyageError, usedToken: string | undefined): void;
  /** Takes a new session of the same student. When it cannot be kept, all is as it was. */
  renew(fresh: FreshSession): Promise<void>;
  /** Takes the session that another program on this device has begun for her. */
  reload(): Promise<void>;
  /** Asks the keychain again for a key that could not be read: a phone is locked after it was started. */
  wake(): void;
  /** Waits for what is being written; nothing more is. */
  close(): Promise<void>;
}

export interface LiveSessionOptions {
  readonly student: Student;
  readonly sessions: SessionStore;
  readonly clock: ClientEnvironment["clock"];
  readonly report: ClientEnvironment["report"];
  readonly fresh?: FreshSession | undefined;
  /** There is another key than before. */
  readonly onKey: () => void;
}

/** How often the use of a session is written down, in milliseconds. */
const TOUCH_MS = 10 * 60_000;

/** Opens what is kept of a session, or keeps a fresh one. One that is lost counts as over. */
export const openLiveSession = async ({
  student,
  sessions,
  clock,
  report,
  fresh,
  onKey,
}: LiveSessionOptions): Promise<LiveSession> => {
  if (fresh) await sessions.save(fresh.session, fresh.token);
  const kept = fresh?.session ?? (await sessions.session());
  const session = createSubject(kept ?? lostSession(student));
  const lastHeardAt = createSubject<number | null>(session.value.heardAt ?? null);
  let token: string | undefined;
  let isUnread = false;
  let isRenewing = false;
  let isConfirmed = fresh !== undefined;
  let isClosed = false;
  const background = (task: Promise<unknown>): void => {
    task.catch((cause: unknown) => {
      if (!isClosed) report({ kind: "not-kept", message: "The session could not be kept.", cause });
    });
  };
  const lost = (what: string, cause?: unknown): void =>
    report({ kind: "session-lost", message: `${what} cannot be read: she has to sign in again.`, cause });

  if (fresh) token = fresh.token;
  else if (kept) {
    token = await sessions.token().catch((cause: unknown) => {
      isUnread = true;
      lost("The session's key", cause);
      return undefined;
    });
  } else {
    lost("The session");
    background(sessions.end(session.value));
  }

  const inUse = (): string | undefined => (isRenewing ? undefined : token);

  const end = (reason: SessionEndReason): void => {
    token = undefined;
    if (session.value.endedBecause) return;
    const ended: StoredSession = { ...session.value, endedBecause: reason };
    background(sessions.end(ended));
    session.set(ended);
  };

  const take = (next: FreshSession["session"], nextToken: string | undefined): void => {
    token = nextToken;
    isUnread = false;
    isConfirmed = true;
    session.set(next);
    onKey();
  };

  return {
    session,
    lastHeardAt,
    token: inUse,
    hasKey: () => token !== undefined,
    isConfirmed: () => isConfirmed,
    heard: () => {
      if (isClosed) return;
      const now = clock.now();
      isConfirmed = true;
      lastHeardAt.set(now);
      const { value } = session;
      const expiresAt = expiryAfterUse(value.signedInAt, now);
      // Also when the clock was put back.
      if (value.endedBecause || Math.abs(expiresAt - value.expiresAt) < TOUCH_MS) return;
      const touched = { ...value, expiresAt, heardAt: now };
      session.set(touched);
      background(sessions.touch(touched));
    },
    failed: ({ reason }, usedToken) => {
      if (reason !== "offline") lastHeardAt.set(clock.now());
      // An answer to a key that has been replaced meanwhile, or is being replaced, says nothing of the new one.
      if (usedToken !== undefined && usedToken === inUse() && isSessionOver(reason)) end(reason);
    },
    renew: async (next) => {
      isRenewing = true;
      try {
        await sessions.save(next.session, next.token);
      } finally {
        isRenewing = false;
      }
      take(next.session, next.token);
    },
    reload: async () => {
      const next = await sessions.session();
      if (next && next.id !== session.value.id) take(next, await sessions.token());
    },
    wake: () => {
      if (!isUnread) return;
      const of = session.value;
      sessions.token().then(
        (found) => {
          if (!isUnread || session.value !== of || found === undefined) return;
          isUnread = false;
          token = found;
          session.set({ ...of });
          onKey();
        },
        () => {
          // It was told when it happened first.
        },
      );
    },
    close: () => {
      isClosed = true;
      return sessions.settle();
    },
  };
};
