import type { StudentContext } from "./student-context.ts";
import type { Student } from "../auth/auth-status.ts";
import { createHttpCaller } from "../rpc/http-caller.ts";
import { toEdVoyageError } from "../runtime/errors.ts";
import type { ClientEnvironment } from "../runtime/environment.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import { createOutbox } from "../outbox/outbox.ts";
import { createSend } from "../outbox/send.ts";
import { openRecords } from "../storage/open-records.ts";
import type { Records } from "../storage/records.ts";
import { openLiveSession, type FreshSession, type LiveSession } from "./live-session.ts";
import { createSessionStore } from "./session-store.ts";

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
  readonly account: StudentContext;
  readonly token: () => string | undefined;
  /** Whether there is a key to connect with. */
  readonly canConnect: () => boolean;
  /** The server has closed a socket because there is no session. */
  readonly onNoSession: () => void;
}

/** Makes what a student has beside her session. */
export type OpenFeatures<F extends Features> = (context: FeatureContext) => Promise<F>;

/** A student's store while it is open: her session, her outbox, her data. It knows nothing of other students. */
export interface OpenStudent<F extends Features> extends Pick<
  LiveSession,
  "session" | "lastHeardAt" | "token" | "hasKey" | "isConfirmed" | "renew" | "reload"
> {
  readonly account: StudentContext;
  readonly features: F;
  /** Asks the server whether the session lives; what it says is kept. Unreachable is no answer. */
  validate(): Promise<void>;
  wake(): void;
  /** Waits for what is being written. What is kept stays. */
  close(): Promise<void>;
}

export const storeNameOf = (userId: string): string => `student-${userId}`;

interface OpenOptions<F extends Features> {
  readonly surroundings: ClientEnvironment;
  readonly openFeatures: OpenFeatures<F>;
  /** A session that has just begun. */
  readonly fresh?: FreshSession;
}

/** Opens a student's store, be it new. A session that is not in it any more counts as over. Leaves nothing open when it throws. */
export const openStudent = async <F extends Features>(
  student: Student,
  options: OpenOptions<F>,
): Promise<OpenStudent<F>> => {
  const { storage } = options.surroundings;
  const report: ClientEnvironment["report"] = (problem) => {
    // Another program has signed her out and deleted the store, which this one is about to hear.
    if (problem.cause === undefined || toEdVoyageError(problem.cause).reason !== "closed") {
      options.surroundings.report(problem);
    }
  };
  const records = await openRecords(storeNameOf(student.id), { storage, report });
  try {
    return await openWith(student, { ...options, records, report });
  } catch (error) {
    await records.close();
    throw error;
  }
};

const openWith = async <F extends Features>(
  student: Student,
  {
    surroundings,
    openFeatures,
    fresh,
    records,
    report,
  }: OpenOptions<F> & { readonly records: Records; readonly report: ClientEnvironment["report"] },
): Promise<OpenStudent<F>> => {
  const { url, storage, clock, randomBytes, newId, secureStorage } = surroundings;
  const userId = student.id;
  const name = storeNameOf(userId);
  let isReady = false;
  let isClosed = false;
  const wake = (): void => {
    if (!isReady || isClosed) return;
    live.wake();
    outbox.wake();
    features.wake();
  };
  const sessions = createSessionStore({ userId, records, secureStorage, peers: storage.peers });
  const live = await openLiveSession({ student, sessions, clock, report, fresh, onKey: wake });
  const { session, token } = live;
  const over = new AbortController();
  const rpc = createHttpCaller({
    url,
    closed: over.signal,
    token,
    sessionId: () => session.value.id,
    fetch: surroundings.fetch,
    clock,
    onAnswer: () => live.heard(),
    onError: (error, usedToken) => live.failed(error, usedToken),
  });
  // Not asked whether there is a network: a monitor that is wrong must not keep what was typed here for ever.
  const canConnect = (): boolean => isReady && !isClosed && token() !== undefined;
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
  const account: StudentContext = { userId, records, outbox, rpc, clock, randomBytes, newId, report, peers };
  const validate = async (): Promise<void> => {
    if (token() === undefined) return;
    await rpc.sessions.validate.query().catch(() => {
      // What it says of the session was heard on the way.
    });
  };
  const features: F = await openFeatures({
    account,
    token,
    canConnect,
    onNoSession: () => void validate(),
  }).catch(async (error: unknown) => {
    isClosed = true;
    over.abort();
    outbox.close();
    await live.close();
    throw error;
  });
  isReady = true;

  return {
    ...live,
    account,
    features,
    validate,
    wake,
    close: async () => {
      isClosed = true;
      over.abort();
      outbox.close();
      await live.close();
      await features.close();
      await records.close();
    },
  };
};
