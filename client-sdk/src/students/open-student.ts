import type { Account } from "../account.ts";
import type { SessionEndReason } from "../auth/auth-status.ts";
import { createCaller } from "../caller.ts";
import { EdVoyageError, isSessionOver, toEdVoyageError } from "../errors.ts";
import type { Surroundings } from "../surroundings.ts";
import { createSubject, type Observable } from "../observable.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import { createOutbox } from "../outbox/outbox.ts";
import { createSend } from "../outbox/send.ts";
import { createRecords } from "../storage/records.ts";
import { createSessionStore, expiryAfterUse, type StoredSession } from "./session-store.ts";

/** What a student has beside her session, made from her account. */
export interface Features {
  /** Makes an edit of the user document again that was refused before. */
  editDocument(input: OutboxEntry<"document.edit">["input"]): Promise<void>;
  /** A command of the outbox was answered. */
  settled(entry: OutboxEntry, answer: unknown): void;
  /** The network is back, the app was opened, or there is a new key. */
  wake(): void;
  /** Resolves when what was written here is on the server. Throws `outbox/not-empty`. */
  flush(options: { readonly timeoutMs: number }): Promise<void>;
  close(): Promise<void>;
}

/** What features are made from. */
export interface FeatureContext {
  readonly account: Account;
  readonly token: () => string | undefined;
  /** Whether there is a key to connect with. */
  readonly canConnect: () => boolean;
  /** The server has closed a socket because there is no session. */
  readonly onNoSession: () => void;
}

/** Makes what a student has beside her session. */
export type OpenFeatures<F extends Features> = (context: FeatureContext) => Promise<F>;

/** A student's store while it is open: her session, her outbox, her data. It knows nothing of other students. */
export interface OpenStudent<F extends Features> {
  readonly account: Account;
  readonly features: F;
  readonly session: Observable<StoredSession>;
  /** When the server was last heard of, by this device's clock. */
  readonly lastHeardAt: Observable<number | null>;
  readonly token: () => string | undefined;
  /** Whether the server has taken the session since the store was opened. */
  readonly isConfirmed: () => boolean;
  /** Takes a new session of the same student. */
  renew(session: StoredSession, token: string): Promise<void>;
  /** Takes the session that another program on this device has begun for her. */
  reload(): Promise<void>;
  /** Asks the server whether the session lives; what it says is kept. Unreachable is no answer. */
  validate(): Promise<void>;
  wake(): void;
  /** Waits for what is being written. What is kept stays. */
  close(): Promise<void>;
}

/** How often the use of a session is written down, in milliseconds. */
const TOUCH_MS = 10 * 60_000;

export const storeNameOf = (userId: string): string => `student-${userId}`;

/** Opens a student's store; `fresh` is a session that has just begun. Throws `signed-out` when there is none. */
export const openStudent = async <F extends Features>(
  userId: StoredSession["student"]["id"],
  {
    surroundings,
    openFeatures,
    fresh,
  }: {
    readonly surroundings: Surroundings;
    readonly openFeatures: OpenFeatures<F>;
    readonly fresh?: { readonly session: StoredSession; readonly token: string };
  },
): Promise<OpenStudent<F>> => {
  const { url, storage, clock, randomBytes, newId } = surroundings;
  const report: Surroundings["report"] = (problem) => {
    // Another program has signed her out and deleted the store, which this one is about to hear.
    if (problem.cause === undefined || toEdVoyageError(problem.cause).reason !== "closed") {
      surroundings.report(problem);
    }
  };
  const name = storeNameOf(userId);
  const records = createRecords(await storage.open(name), {
    onDamaged: (key) => report({ kind: "record-damaged", message: `The record ${key} was damaged.` }),
  });
  const sessions = createSessionStore({ userId, records, secureStorage: surroundings.secureStorage });
  if (fresh) await sessions.save(fresh.session, fresh.token);
  const stored = fresh?.session ?? (await sessions.session());
  if (!stored) {
    await records.close();
    throw new EdVoyageError("signed-out", "This device has no session of this student.");
  }

  let token = fresh?.token ?? (await sessions.token());
  let isReady = false;
  let isClosed = false;
  const session = createSubject(stored);
  const lastHeardAt = createSubject<number | null>(stored.heardAt ?? null);
  let isConfirmed = fresh !== undefined;
  const background = (task: Promise<unknown>): void => {
    task.catch((cause: unknown) => {
      if (!isClosed) report({ kind: "not-kept", message: "The session could not be kept.", cause });
    });
  };

  const end = (reason: SessionEndReason): void => {
    token = undefined;
    if (session.value.endedBecause) return;
    const ended: StoredSession = { ...session.value, endedBecause: reason };
    background(sessions.end(ended));
    session.set(ended);
  };

  const heard = (): void => {
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
  };

  const rpc = createCaller({
    url,
    token: () => token,
    sessionId: () => session.value.id,
    fetch: surroundings.fetch,
    clock,
    onAnswer: heard,
    onError: ({ reason }, usedToken) => {
      if (reason !== "offline") lastHeardAt.set(clock.now());
      // An answer to a key that has been replaced meanwhile says nothing of the new one.
      if (usedToken !== undefined && usedToken === token && isEndReason(reason)) end(reason);
    },
  });
  // Not asked whether there is a network: a monitor that is wrong must not keep what was typed here for ever.
  const canConnect = (): boolean => isReady && !isClosed && token !== undefined;
  const peers = storage.peers && { name, peers: storage.peers };
  const onFault = (cause: unknown): void =>
    report({ kind: "fault", message: "The outbox could not be kept up.", cause });
  const outbox = await createOutbox({
    records,
    clock,
    randomBytes,
    newId,
    canSend: canConnect,
    send: createSend(rpc, (input) => features.editDocument(input)),
    onAnswer: (entry, answer) => features.settled(entry, answer),
    onFault,
    peers,
  });
  const account: Account = { userId, records, outbox, rpc, clock, randomBytes, newId, report, peers };
  const validate = async (): Promise<void> => {
    if (token === undefined) return;
    await rpc.sessions.validate.query().catch(() => {
      // What it says of the session was heard on the way.
    });
  };
  const features: F = await openFeatures({
    account,
    token: () => token,
    canConnect,
    onNoSession: () => void validate(),
  });
  isReady = true;

  const wake = (): void => {
    if (isClosed) return;
    outbox.wake();
    features.wake();
  };
  const take = (next: StoredSession, nextToken: string | undefined): void => {
    token = nextToken;
    isConfirmed = true;
    session.set(next);
    wake();
  };
  return {
    account,
    features,
    session,
    lastHeardAt,
    token: () => token,
    isConfirmed: () => isConfirmed,
    renew: async (next, nextToken) => {
      await sessions.save(next, nextToken);
      take(next, nextToken);
    },
    reload: async () => {
      const next = await sessions.session();
      if (next && next.id !== session.value.id) take(next, await sessions.token());
    },
    validate,
    wake,
    close: async () => {
      isClosed = true;
      outbox.close();
      await features.close();
      await records.close();
    },
  };
};

const isEndReason = (reason: EdVoyageError["reason"]): reason is SessionEndReason => isSessionOver(reason);
