import type { SessionEndReason, Student } from "../auth/auth-status.ts";
import { isSessionOver, type EdVoyageError } from "../runtime/errors.ts";
import { createSubject, type Observable } from "../runtime/observable.ts";
import type { ClientEnvironment } from "../runtime/environment.ts";
import { expiryAfterUse, lostSession, type SessionStore, type StoredSession } from "./session-store.ts";

/** A new session, with its key. */
export interface FreshSession {
  readonly session: StoredSession;
  readonly token: string;
}

/** A student's session while their store is open, and the key in use. */
export interface LiveSession {
  readonly session: Observable<StoredSession>;
  /** When the server last answered, by this device's clock. */
  readonly lastHeardAt: Observable<number | null>;
  /** Returns the key to send. `undefined` if there is none, or if it is about to be replaced. */
  readonly token: () => string | undefined;
  /** Returns whether there is a key, even one that is about to be replaced. */
  readonly hasKey: () => boolean;
  /** Returns whether the server has accepted the session since the store was opened. */
  readonly isConfirmed: () => boolean;
  /** Call it when the server has answered. */
  heard(): void;
  /** Call it when a call with this key has failed. */
  failed(error: EdVoyageError, usedToken: string | undefined): void;
  /** Switches to a new session of the same student. If it cannot be stored, nothing changes. */
  renew(fresh: FreshSession): Promise<void>;
  /** Switches to the session that another program on this device has begun for the student. */
  reload(): Promise<void>;
  /** Retries reading the key if that failed: the keychain of a phone may be locked after a restart. */
  wake(): void;
  /** Waits for running writes, and starts no new ones. */
  close(): Promise<void>;
}

export interface LiveSessionOptions {
  readonly student: Student;
  readonly sessions: SessionStore;
  readonly clock: ClientEnvironment["clock"];
  readonly report: ClientEnvironment["report"];
  readonly fresh?: FreshSession | undefined;
  /** Called when the key has changed. */
  readonly onKey: () => void;
}

/** How often the use of a session is recorded. */
const TOUCH_MS = 10 * 60_000;

/** Opens the stored session, or stores a new one. A session that is lost counts as ended. */
export const openLiveSession = async ({
  student,
  sessions,
  clock,
  report,
  fresh,
  onKey,
}: LiveSessionOptions): Promise<LiveSession> => {
  if (fresh) await sessions.save(fresh.session, fresh.token);
  const stored = fresh?.session ?? (await sessions.session());
  const session = createSubject(stored ?? lostSession(student));
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
  const reportLost = (subject: string, cause?: unknown): void =>
    report({
      kind: "session-lost",
      message: `${subject} cannot be read: the student has to sign in again.`,
      cause,
    });

  if (fresh) token = fresh.token;
  else if (stored) {
    token = await sessions.token().catch((cause: unknown) => {
      isUnread = true;
      reportLost("The session's key", cause);
      return undefined;
    });
  } else {
    reportLost("The session");
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

  const switchTo = (next: FreshSession["session"], nextToken: string | undefined): void => {
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
      // `abs`: the clock may also have been set back.
      if (value.endedBecause || Math.abs(expiresAt - value.expiresAt) < TOUCH_MS) return;
      const touched = { ...value, expiresAt, heardAt: now };
      session.set(touched);
      background(sessions.touch(touched));
    },
    failed: ({ reason }, usedToken) => {
      if (reason !== "offline" && reason !== "origin-refused") lastHeardAt.set(clock.now());
      // An answer to an old key, or to one that is being replaced, says nothing about the new one.
      if (usedToken !== undefined && usedToken === inUse() && isSessionOver(reason)) end(reason);
    },
    renew: async (next) => {
      isRenewing = true;
      try {
        await sessions.save(next.session, next.token);
      } finally {
        isRenewing = false;
      }
      switchTo(next.session, next.token);
    },
    reload: async () => {
      const next = await sessions.session();
      if (next && next.id !== session.value.id) switchTo(next, await sessions.token());
    },
    wake: () => {
      if (!isUnread) return;
      const sessionBefore = session.value;
      sessions.token().then(
        (found) => {
          if (!isUnread || session.value !== sessionBefore || found === undefined) return;
          isUnread = false;
          token = found;
          session.set({ ...sessionBefore });
          onKey();
        },
        () => {
          // The first failure was already reported.
        },
      );
    },
    close: () => {
      isClosed = true;
      return sessions.settle();
    },
  };
};
