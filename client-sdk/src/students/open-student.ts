import type { Student } from "../auth/auth-status.ts";
import { createHttpCaller } from "../rpc/http-caller.ts";
import { toEdVoyageError } from "../runtime/errors.ts";
import type { ClientEnvironment } from "../runtime/environment.ts";
import { createOutbox } from "../outbox/outbox.ts";
import { createSend } from "../outbox/send.ts";
import type { CloseReason } from "../outbox/settlements.ts";
import { openRecords } from "../storage/open-records.ts";
import type { Records } from "../storage/records.ts";
import type { CoreFeatures, OpenFeatures } from "./features.ts";
import { openLiveSession, type FreshSession, type LiveSession } from "./live-session.ts";
import { createSessionStore } from "./session-store.ts";
import type { StudentContext } from "./student-context.ts";

/** A student's store while it is open: session, outbox and data. It knows nothing about other students. */
export interface OpenStudent<F extends CoreFeatures> extends Pick<
  LiveSession,
  "session" | "lastHeardAt" | "token" | "hasKey" | "isConfirmed" | "renew" | "reload"
> {
  readonly account: StudentContext;
  readonly features: F;
  /**
   * Asks the server whether the session is alive, and records the answer. Does nothing if the server cannot be
   * reached.
   */
  validate(): Promise<void>;
  wake(): void;
  /**
   * Closes the store after waiting for running writes. The stored data stays. Whoever waits for a command is told `reason`
   * (default: "closed").
   */
  close(reason?: CloseReason): Promise<void>;
}

/** Returns the name of a student's store. */
export const storeNameOf = (userId: string): string => `student-${userId}`;

interface OpenOptions<F extends CoreFeatures> {
  readonly environment: ClientEnvironment;
  readonly openFeatures: OpenFeatures<F>;
  /** A new session. */
  readonly fresh?: FreshSession;
}

/**
 * Opens a student's store, or creates it. If the session is no longer in it, the session counts as ended. Leaves
 * nothing open when it throws.
 */
export const openStudent = async <F extends CoreFeatures>(
  student: Student,
  options: OpenOptions<F>,
): Promise<OpenStudent<F>> => {
  const { storage } = options.environment;
  const report: ClientEnvironment["report"] = (problem) => {
    // Not a problem: another program has signed the student out and deleted the store. This program is about to be
    // told.
    if (problem.cause === undefined || toEdVoyageError(problem.cause).reason !== "closed") {
      options.environment.report(problem);
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

const openWith = async <F extends CoreFeatures>(
  student: Student,
  {
    environment,
    openFeatures,
    fresh,
    records,
    report,
  }: OpenOptions<F> & { readonly records: Records; readonly report: ClientEnvironment["report"] },
): Promise<OpenStudent<F>> => {
  const { url, storage, clock, randomBytes, newId, secureStorage } = environment;
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
  const closing = new AbortController();
  const rpc = createHttpCaller({
    url,
    closed: closing.signal,
    token,
    sessionId: () => session.value.id,
    fetch: environment.fetch,
    network: environment.network,
    clock,
    onAnswer: () => live.heard(),
    onError: (error, usedToken) => live.failed(error, usedToken),
  });
  // Does not check the network: a faulty network monitor must not hold back the student's input forever.
  const canConnect = (): boolean => isReady && !isClosed && token() !== undefined;
  const peers = storage.peers && { name, peers: storage.peers };
  const onFault = (cause: unknown): void => report({ kind: "fault", message: "The outbox failed.", cause });
  const outbox = await createOutbox({
    records,
    clock,
    randomBytes,
    newId,
    canSend: canConnect,
    send: createSend(rpc, (input) => features.editDocument(input)),
    isDurable: () => storage.durability !== "memory",
    isPendingEdit: (id) => isReady && (features.isPendingEdit?.(id) ?? false),
    onAnswer: (entry, answer) => features.settled(entry, answer),
    onFault,
    peers,
  });
  const account: StudentContext = { userId, records, outbox, rpc, clock, randomBytes, newId, report, peers };
  const validate = async (): Promise<void> => {
    if (token() === undefined) return;
    await rpc.sessions.validate.query().catch(() => {
      // The result was already recorded by `onAnswer` and `onError`.
    });
  };
  const features: F = await openFeatures({
    account,
    token,
    canConnect,
    onNoSession: () => void validate(),
  }).catch(async (error: unknown) => {
    isClosed = true;
    closing.abort();
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
    close: async (reason) => {
      isClosed = true;
      closing.abort();
      outbox.close(reason);
      await live.close();
      await features.close();
      await records.close();
    },
  };
};
