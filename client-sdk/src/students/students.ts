import type { UserId } from "@edvoyage/protocol";
import type { Membership } from "../auth/auth-status.ts";
import * as deviceChanges from "../auth/device-changes.ts";
import type { EndedSession, Wipe } from "../auth/device-changes.ts";
import type { Device } from "../auth/device.ts";
import { isTransient, retryAfterMs, toEdVoyageError } from "../runtime/errors.ts";
import { createSubject, setIfDifferent, type Observable, type Unsubscribe } from "../runtime/observable.ts";
import type { CloseReason } from "../outbox/settlements.ts";
import { createBackoffTimer } from "../runtime/backoff-timer.ts";
import type { ClientEnvironment } from "../runtime/environment.ts";
import { endOnServer } from "./ended-sessions.ts";
import { createCrossTabLock, createSerialQueue } from "../runtime/serial-queue.ts";
import type { CoreFeatures, OpenFeatures } from "./features.ts";
import { openStudent, type OpenStudent } from "./open-student.ts";
import type { StoredSession } from "./session-store.ts";
import { wipeStudent } from "./wipe.ts";

/** Whether unsent data stays when a student leaves the device. */
export type Unsent = "keep" | "discard";

/** The students who use this device. Only one student's store is open at a time, and no other store is read. */
export interface Students<F extends CoreFeatures> {
  readonly membership: Observable<Membership>;
  readonly current: Observable<OpenStudent<F> | undefined>;
  /** Opens the store of the student who was here last. */
  load(): Promise<void>;
  /**
   * Opens the store of a student who has just signed in. If another student was signed in, their store is closed,
   * their session is ended, and their unsent data is kept.
   */
  enter(session: StoredSession, token: string): Promise<void>;
  /**
   * Ends the current student's session, even without a network, and deletes their data. With "keep", data that was
   * not sent yet stays.
   */
  leave(unsent: Unsent): Promise<void>;
  /** Tells the server about the sessions that were ended here. */
  wake(): void;
  close(): Promise<void>;
}

/** The topic that tells other programs on this device that another student uses it. */
const TOPIC = "device";

const NOBODY: Membership = { state: "signedOut", student: null };

/** Creates the students of a device. Opens no store before `load`. */
export const createStudents = <F extends CoreFeatures>(deps: {
  readonly environment: ClientEnvironment;
  readonly device: Device;
  readonly openFeatures: OpenFeatures<F>;
  /** Whether to delete the data when an admin has ended the session. */
  readonly wipeWhenRevoked: boolean;
  /** Called when another program has changed who is signed in, or the progress of a sign-in. */
  readonly onPeerChange: () => void;
}): Students<F> => {
  const { environment, device, openFeatures } = deps;
  const { storage, clock, randomBytes, report } = environment;
  const runSerially = createSerialQueue();
  const lock = createCrossTabLock(storage.peers, TOPIC);
  /**
   * Runs changes of the current student one program at a time: a slow program must not wipe a student that another
   * program has just signed in.
   */
  const runExclusively: typeof runSerially = (task) => runSerially(() => lock(task));
  const membership = createSubject<Membership>(NOBODY);
  const current = createSubject<OpenStudent<F> | undefined>(undefined);
  let unwatch: Unsubscribe | undefined;
  let isClosed = false;
  const closing = new AbortController();
  /** The wait after the server could not be told about an ended session. */
  const untold = createBackoffTimer({ clock, randomBytes, onOver: () => reportEndedSessions() });
  const background = (task: Promise<unknown>): void => {
    task.catch((cause: unknown) => {
      if (!isClosed)
        report({ kind: "fault", message: "The device's own records could not be updated.", cause });
    });
  };

  const show = (): void => {
    const student = current.value;
    setIfDifferent(membership, student ? toMembership(student, clock.now()) : NOBODY);
    if (deps.wipeWhenRevoked && student?.session.value.endedBecause === "session/revoked") {
      // By the time this runs, the same student may have signed in again, or another one.
      const { id } = student.session.value;
      background(leave("discard", ({ session }) => session.value.id === id));
    }
  };

  const showStudent = (student: OpenStudent<F>): void => {
    const unwatches = [student.session.subscribe(show), student.lastHeardAt.subscribe(show)];
    unwatch = () => {
      for (const stop of unwatches) stop();
    };
    current.set(student);
    show();
    student.wake();
  };

  const closeCurrent = async (reason?: CloseReason): Promise<void> => {
    const student = current.value;
    unwatch?.();
    unwatch = undefined;
    current.set(undefined);
    show();
    await student?.close(reason);
  };

  const tellPeers = (): void => storage.peers?.broadcast(TOPIC);

  const wipe = async (pendingWipe: Wipe): Promise<void> => {
    await wipeStudent(pendingWipe, environment);
    await device.write([deviceChanges.removeWipe(pendingWipe.userId)]);
    await device.purge();
  };

  /** Never throws; a failed wipe is retried at the next start. */
  const tryToWipe = (pendingWipe: Wipe): Promise<void> =>
    wipe(pendingWipe).catch((cause: unknown) =>
      report({ kind: "fault", message: "The data of a student who left could not be deleted yet.", cause }),
    );

  const toEndedSession = (student: OpenStudent<F> | undefined): EndedSession | undefined => {
    const token = student?.token();
    return student && token !== undefined ? { id: student.session.value.id, token } : undefined;
  };

  const leave = (unsent: Unsent, isMeant: (student: OpenStudent<F>) => boolean): Promise<void> =>
    runExclusively(async () => {
      const student = current.value;
      if (!student || !isMeant(student)) return;
      const { userId } = student.account;
      const onDevice = await device.current();
      // Another program was faster, and another student is signed in.
      if (onDevice && onDevice.id !== userId) return catchUp();
      const ended = toEndedSession(student);
      const pendingWipe: Wipe = { userId, keepsUnsent: unsent === "keep" };
      // From this write on the student is signed out, even if this program ends now.
      await device.write([
        deviceChanges.clearCurrent(),
        deviceChanges.clearProgress(),
        deviceChanges.addWipe(pendingWipe),
        ...(ended ? [deviceChanges.addEnded(ended)] : []),
        ...(await device.clearDamaged()),
      ]);
      await closeCurrent(unsent === "keep" ? "signed-out" : "discarded");
      tellPeers();
      await wipe(pendingWipe);
      reportEndedSessions();
    });

  const endAbandoned = async (): Promise<void> => {
    const sessions = await device.endedSessions();
    if (sessions.length === 0 || isClosed) return;
    await endOnServer(sessions, { device, environment, closed: closing.signal });
  };

  /** Ends abandoned sessions on the server as soon as it can be reached, so that their keys do not stay valid. */
  const reportEndedSessions = (): void => {
    untold.reset();
    background(
      endAbandoned().catch((error: unknown) => {
        const failure = toEdVoyageError(error);
        if (!isTransient(failure.reason)) throw error;
        // After `close`, the next program will tell the server.
        if (!isClosed) untold.fail(retryAfterMs(failure));
      }),
    );
  };

  /** Applies the device's records, which another program may have changed. */
  const catchUp = async (): Promise<void> => {
    const previous = current.value?.account.userId;
    if (previous !== undefined && previous !== (await device.current())?.id) {
      await closeCurrent("signed-out");
    }
    // Read it only now: in a browser without locks, another tab may have signed a student in during the shutdown.
    const student = await device.current();
    const pendingWipes = (await device.wipes()).filter(({ userId }) => userId !== student?.id);
    // Another program has wiped this store. This program may have written to it after that, so wipe it again.
    if (
      previous !== undefined &&
      previous !== student?.id &&
      !pendingWipes.some(({ userId }) => userId === previous)
    ) {
      pendingWipes.push({ userId: previous, keepsUnsent: true });
    }
    for (const pendingWipe of pendingWipes) await tryToWipe(pendingWipe);
    if (current.value) return current.value.reload();
    if (student) showStudent(await openStudent(student, { environment, openFeatures }));
  };
  const load = (): Promise<void> => runExclusively(catchUp);

  const stopListening = storage.peers?.subscribe((topic) => {
    if (topic !== TOPIC || isClosed) return;
    background(load());
    deps.onPeerChange();
  });

  return {
    membership,
    current,
    load: async () => {
      await load();
      reportEndedSessions();
    },
    enter: (session, token) =>
      runExclusively(async () => {
        const { student } = session;
        const previous = current.value;
        const fresh = { session, token };
        const signedInChanges = [
          deviceChanges.setCurrent(student),
          deviceChanges.clearProgress(),
          deviceChanges.removeWipe(student.id),
        ];
        if (previous?.account.userId === student.id) {
          await previous.renew(fresh);
          await device.write(signedInChanges);
          return tellPeers();
        }
        // Finish an earlier wipe of this student first, so that the old data does not come back.
        for (const earlier of await device.wipes()) if (earlier.userId === student.id) await wipe(earlier);
        const entered = await openStudent(student, { environment, openFeatures, fresh });
        const ended = toEndedSession(previous);
        const pendingWipe: Wipe | undefined = previous && {
          userId: previous.account.userId,
          keepsUnsent: true,
        };
        try {
          await device.write([
            ...signedInChanges,
            ...(pendingWipe ? [deviceChanges.addWipe(pendingWipe)] : []),
            ...(ended ? [deviceChanges.addEnded(ended)] : []),
            ...(await device.clearDamaged()),
          ]);
        } catch (error) {
          await entered.close();
          throw error;
        }
        await closeCurrent("signed-out");
        showStudent(entered);
        tellPeers();
        if (pendingWipe) await tryToWipe(pendingWipe);
        reportEndedSessions();
      }),
    leave: (unsent) => {
      const userId: UserId | undefined = current.value?.account.userId;
      return leave(unsent, ({ account }) => account.userId === userId);
    },
    wake: () => {
      if (isClosed) return;
      current.value?.wake();
      reportEndedSessions();
    },
    close: async () => {
      isClosed = true;
      closing.abort();
      stopListening?.();
      untold.reset();
      await runSerially(() => closeCurrent());
    },
  };
};

/**
 * Returns who is signed in. A session that was unused for its idle time counts as ended until the server confirms it.
 */
const toMembership = <F extends CoreFeatures>(student: OpenStudent<F>, now: number): Membership => {
  const { student: who, id, endedBecause, expiresAt } = student.session.value;
  if (endedBecause) return { state: "expired", student: who, reason: endedBecause };
  if (!student.hasKey()) return { state: "expired", student: who, reason: "session/required" };
  if (!student.isConfirmed() && expiresAt <= now)
    return { state: "expired", student: who, reason: "session/expired" };
  return { state: "signedIn", student: who, sessionId: id };
};
