import type { SessionId, UserId } from "@edvoyage/protocol";
import type { Membership } from "../auth/auth-status.ts";
import { deviceChanges, type Device, type EndedSession, type Wipe } from "../auth/device.ts";
import { isTransient, toEdVoyageError } from "../runtime/errors.ts";
import { createSubject, setIfDifferent, type Observable, type Unsubscribe } from "../runtime/observable.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { createHttpCaller } from "../rpc/http-caller.ts";
import type { ClientEnvironment } from "../runtime/environment.ts";
import { createCrossTabLock, createSerialQueue } from "../runtime/serial-queue.ts";
import { openStudent, type Features, type OpenFeatures, type OpenStudent } from "./open-student.ts";
import type { StoredSession } from "./session-store.ts";
import { wipeStudent } from "./wipe.ts";

/** What stays of a student who leaves the device. */
export type Unsent = "keep" | "discard";

/** Who uses this device. One student's store is open at a time, and nobody else's is looked into. */
export interface Students<F extends Features> {
  readonly membership: Observable<Membership>;
  readonly current: Observable<OpenStudent<F> | undefined>;
  /** Opens the student who was here last. */
  load(): Promise<void>;
  /** Opens the store of who has just signed in. Another one's is closed, her session ended, what she wrote kept. */
  enter(session: StoredSession, token: string): Promise<void>;
  /**
   * Ends the session of who is shown now, also without a network, and deletes what is kept of her but, if told, what was
   * not sent yet.
   */
  leave(unsent: Unsent): Promise<void>;
  /** Tells the server of the sessions that were left here. */
  wake(): void;
  close(): Promise<void>;
}

/** What tells other programs on this device that another student uses it. */
const TOPIC = "device";

const NOBODY: Membership = { state: "signedOut", student: null };

export const createStudents = <F extends Features>(deps: {
  readonly surroundings: ClientEnvironment;
  readonly device: Device;
  readonly openFeatures: OpenFeatures<F>;
  /** A session that an admin ended takes the data with it. */
  readonly wipeWhenRevoked: boolean;
  /** Another program has changed who is signed in, or how far a sign-in is. */
  readonly onPeerChange: () => void;
}): Students<F> => {
  const { surroundings, device, openFeatures } = deps;
  const { storage, clock, randomBytes, report } = surroundings;
  const turn = createSerialQueue();
  const lock = createCrossTabLock(storage.peers, TOPIC);
  /** Who is on this device is changed by one program at a time: one that is slow must not wipe whom another let in. */
  const exclusively: typeof turn = (task) => turn(() => lock(task));
  const membership = createSubject<Membership>(NOBODY);
  const current = createSubject<OpenStudent<F> | undefined>(undefined);
  let unwatch: Unsubscribe | undefined;
  let failures = 0;
  let cancelDelivery: (() => void) | undefined;
  let isClosed = false;
  const over = new AbortController();
  const background = (task: Promise<unknown>): void => {
    task.catch((cause: unknown) => {
      if (!isClosed)
        report({ kind: "fault", message: "The device's own records could not be kept up.", cause });
    });
  };

  const show = (): void => {
    const student = current.value;
    setIfDifferent(membership, student ? toMembership(student, clock.now()) : NOBODY);
    if (deps.wipeWhenRevoked && student?.session.value.endedBecause === "session/revoked") {
      // By the time it is done she may have signed in again, or somebody else.
      const { id } = student.session.value;
      background(leave("discard", ({ session }) => session.value.id === id));
    }
  };

  const adopt = (student: OpenStudent<F>): void => {
    const unwatches = [student.session.subscribe(show), student.lastHeardAt.subscribe(show)];
    unwatch = () => {
      for (const stop of unwatches) stop();
    };
    current.set(student);
    show();
    student.wake();
  };

  const shut = async (): Promise<void> => {
    const student = current.value;
    unwatch?.();
    unwatch = undefined;
    current.set(undefined);
    show();
    await student?.close();
  };

  const tellPeers = (): void => storage.peers?.broadcast(TOPIC);

  const wipe = async (gone: Wipe): Promise<void> => {
    await wipeStudent(gone, surroundings);
    await device.write([deviceChanges.removeWipe(gone.userId)]);
    await device.purge();
  };

  /** For whom nobody waits: what could not be deleted now is at the next start. */
  const tryToWipe = (gone: Wipe): Promise<void> =>
    wipe(gone).catch((cause: unknown) =>
      report({ kind: "fault", message: "What a student left here could not be deleted yet.", cause }),
    );

  const endedOf = (student: OpenStudent<F> | undefined): EndedSession | undefined => {
    const token = student?.token();
    return student && token !== undefined ? { id: student.session.value.id, token } : undefined;
  };

  const leave = (unsent: Unsent, isMeant: (student: OpenStudent<F>) => boolean): Promise<void> =>
    exclusively(async () => {
      const student = current.value;
      if (!student || !isMeant(student)) return;
      const { userId } = student.account;
      const onDevice = await device.current();
      // Another program was quicker, and somebody else is here.
      if (onDevice && onDevice.id !== userId) return catchUp();
      const ended = endedOf(student);
      const gone: Wipe = { userId, keepsUnsent: unsent === "keep" };
      // From here on she is signed out, whatever becomes of this program.
      await device.write([
        deviceChanges.clearCurrent(),
        deviceChanges.clearProgress(),
        deviceChanges.addWipe(gone),
        ...(ended ? [deviceChanges.addEnded(ended)] : []),
        ...(await device.clearDamaged()),
      ]);
      await shut();
      tellPeers();
      await wipe(gone);
      deliver();
    });

  /** A key that is of no more use must not stay alive: the server is told, as soon as it can be reached. */
  const deliver = (): void => {
    cancelDelivery?.();
    cancelDelivery = undefined;
    background(
      (async () => {
        const ended = await device.endedSessions();
        for (const { id, token } of ended) {
          if (!(await endSession(id, token))) return;
          await device.write([deviceChanges.removeEnded(id)]);
        }
        if (ended.length > 0) await device.purge();
        failures = 0;
      })(),
    );
  };

  /** Returns whether the server has decided. */
  const endSession = async (id: SessionId, token: string): Promise<boolean> => {
    if (isClosed) return false;
    const { url, fetch } = surroundings;
    const rpc = createHttpCaller({
      url,
      token: () => token,
      sessionId: () => id,
      fetch,
      clock,
      closed: over.signal,
    });
    try {
      await rpc.sessions.logout.mutate();
      return true;
    } catch (error) {
      const { reason } = toEdVoyageError(error);
      if (!isTransient(reason)) return true;
      // The next program tells the server.
      if (isClosed) return false;
      failures += 1;
      cancelDelivery = clock.after(backoffMs(failures, { randomBytes }), deliver);
      return false;
    }
  };

  /** Does what the device's records say, which another program may have changed. */
  const catchUp = async (): Promise<void> => {
    const former = current.value?.account.userId;
    if (former !== undefined && former !== (await device.current())?.id) await shut();
    // Read after that: where a browser has no locks, another tab may have let somebody in meanwhile.
    const student = await device.current();
    const gone = (await device.wipes()).filter(({ userId }) => userId !== student?.id);
    // Another program has wiped her store; what this one wrote until it heard of that came after.
    if (former !== undefined && former !== student?.id && !gone.some(({ userId }) => userId === former)) {
      gone.push({ userId: former, keepsUnsent: true });
    }
    for (const one of gone) await tryToWipe(one);
    if (current.value) return current.value.reload();
    if (student) adopt(await openStudent(student, { surroundings, openFeatures }));
  };
  const load = (): Promise<void> => exclusively(catchUp);

  const stopHearing = storage.peers?.subscribe((topic) => {
    if (topic !== TOPIC || isClosed) return;
    background(load());
    deps.onPeerChange();
  });

  return {
    membership,
    current,
    load: async () => {
      await load();
      deliver();
    },
    enter: (session, token) =>
      exclusively(async () => {
        const { student } = session;
        const former = current.value;
        const fresh = { session, token };
        const isHere = [
          deviceChanges.setCurrent(student),
          deviceChanges.clearProgress(),
          deviceChanges.removeWipe(student.id),
        ];
        if (former?.account.userId === student.id) {
          await former.renew(fresh);
          await device.write(isHere);
          return tellPeers();
        }
        // What she left here to be deleted must not come back with her.
        for (const left of await device.wipes()) if (left.userId === student.id) await wipe(left);
        const entered = await openStudent(student, { surroundings, openFeatures, fresh });
        const ended = endedOf(former);
        const gone: Wipe | undefined = former && { userId: former.account.userId, keepsUnsent: true };
        try {
          await device.write([
            ...isHere,
            ...(gone ? [deviceChanges.addWipe(gone)] : []),
            ...(ended ? [deviceChanges.addEnded(ended)] : []),
            ...(await device.clearDamaged()),
          ]);
        } catch (error) {
          await entered.close();
          throw error;
        }
        await shut();
        adopt(entered);
        tellPeers();
        if (gone) await tryToWipe(gone);
        deliver();
      }),
    leave: (unsent) => {
      const userId: UserId | undefined = current.value?.account.userId;
      return leave(unsent, ({ account }) => account.userId === userId);
    },
    wake: () => {
      if (isClosed) return;
      current.value?.wake();
      deliver();
    },
    close: async () => {
      isClosed = true;
      over.abort();
      stopHearing?.();
      cancelDelivery?.();
      await turn(shut);
    },
  };
};

/** Without a network nobody knows whether a session lives that nobody has used for a day: then it counts as over. */
const toMembership = <F extends Features>(student: OpenStudent<F>, now: number): Membership => {
  const { student: who, id, endedBecause, expiresAt } = student.session.value;
  if (endedBecause) return { state: "expired", student: who, reason: endedBecause };
  if (!student.hasKey()) return { state: "expired", student: who, reason: "session/required" };
  if (!student.isConfirmed() && expiresAt <= now)
    return { state: "expired", student: who, reason: "session/expired" };
  return { state: "signedIn", student: who, sessionId: id };
};
