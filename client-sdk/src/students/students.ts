import type { SessionId } from "@edvoyage/protocol";
import type { Membership } from "../auth/auth-status.ts";
import { deviceChanges, type Device, type EndedSession, type Wipe } from "../auth/device.ts";
import { isTransient, toEdVoyageError } from "../errors.ts";
import { createSubject, setIfDifferent, type Observable, type Unsubscribe } from "../observable.ts";
import { backoffMs } from "../outbox/backoff.ts";
import { keysOfAcked } from "../outbox/stored-entry.ts";
import { createCaller } from "../caller.ts";
import { createRecords, remove, type Records } from "../storage/records.ts";
import { isStorageError } from "../storage/storage.ts";
import type { Surroundings } from "../surroundings.ts";
import { createTurns } from "../turns.ts";
import {
  openStudent,
  storeNameOf,
  type Features,
  type OpenFeatures,
  type OpenStudent,
} from "./open-student.ts";
import { createSessionStore, type StoredSession } from "./session-store.ts";

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
  /** Ends the session, also without a network, and deletes what is kept of her but, if told, what was not sent yet. */
  leave(unsent: Unsent): Promise<void>;
  /** Tells the server of the sessions that were left here. */
  wake(): void;
  close(): Promise<void>;
}

/** What of a student's store was written by her and is not on the server yet. */
const UNSENT_PREFIXES = ["outbox/", "edit/", "lost/"];
/** What tells other programs on this device that another student uses it. */
const TOPIC = "device";

const NOBODY: Membership = { state: "signedOut", student: null };

export const createStudents = <F extends Features>(deps: {
  readonly surroundings: Surroundings;
  readonly device: Device;
  readonly openFeatures: OpenFeatures<F>;
  /** A session that an admin ended takes the data with it. */
  readonly wipeWhenRevoked: boolean;
  /** Another program has changed who is signed in, or how far a sign-in is. */
  readonly onPeerChange: () => void;
}): Students<F> => {
  const { surroundings, device, openFeatures } = deps;
  const { storage, clock, randomBytes, report } = surroundings;
  const turn = createTurns();
  const membership = createSubject<Membership>(NOBODY);
  const current = createSubject<OpenStudent<F> | undefined>(undefined);
  let unwatch: Unsubscribe | undefined;
  let failures = 0;
  let cancelDelivery: (() => void) | undefined;
  let isClosed = false;
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
      background(leave("discard"));
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

  const tellPeers = (): void => storage.peers?.tell(TOPIC);

  /** Of a student whose store is closed. */
  const wipe = async (gone: Wipe): Promise<void> => {
    const name = storeNameOf(gone.userId);
    const records = createRecords(await storage.open(name), { onDamaged: () => {} });
    try {
      const isEmpty = await empty(records, gone);
      await records.close();
      if (isEmpty) await storage.delete(name);
    } catch (error) {
      // Another program, which does the same, was faster.
      if (!isStorageError(error) || error.kind !== "closed") throw error;
    }
    await device.write([deviceChanges.removeWipe(gone.userId)]);
  };

  /** Returns whether nothing had to stay. */
  const empty = async (records: Records, { userId, keepsUnsent }: Wipe): Promise<boolean> => {
    const { secureStorage } = surroundings;
    await createSessionStore({ userId, records, secureStorage }).dropToken();
    const keys = await records.keys("");
    const acked = new Set(await keysOfAcked(records));
    const isUnsent = (key: string) =>
      !acked.has(key) && UNSENT_PREFIXES.some((prefix) => key.startsWith(prefix));
    if (!keepsUnsent || !keys.some(isUnsent)) return true;
    await records.write(keys.filter((key) => !isUnsent(key)).map(remove));
    return false;
  };

  const endedOf = (student: OpenStudent<F> | undefined): EndedSession | undefined => {
    const token = student?.token();
    return student && token !== undefined ? { id: student.session.value.id, token } : undefined;
  };

  const leave = (unsent: Unsent): Promise<void> =>
    turn(async () => {
      const student = current.value;
      if (!student) return;
      const ended = endedOf(student);
      const gone: Wipe = { userId: student.account.userId, keepsUnsent: unsent === "keep" };
      // From here on she is signed out, whatever becomes of this program.
      await device.write([
        deviceChanges.clearCurrent(),
        deviceChanges.clearProgress(),
        deviceChanges.addWipe(gone),
        ...(ended ? [deviceChanges.addEnded(ended)] : []),
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
        for (const { id, token } of await device.endedSessions()) {
          if (!(await endSession(id, token))) return;
          await device.write([deviceChanges.removeEnded(id)]);
        }
        failures = 0;
      })(),
    );
  };

  /** Returns whether the server has decided. */
  const endSession = async (id: SessionId, token: string): Promise<boolean> => {
    if (isClosed) return false;
    const { url, fetch } = surroundings;
    const rpc = createCaller({ url, token: () => token, sessionId: () => id, fetch, clock });
    try {
      await rpc.sessions.logout.mutate();
      return true;
    } catch (error) {
      const { reason } = toEdVoyageError(error);
      if (!isTransient(reason)) return true;
      failures += 1;
      cancelDelivery = clock.after(backoffMs(failures, { randomBytes }), deliver);
      return false;
    }
  };

  const load = (): Promise<void> =>
    turn(async () => {
      const userId = await device.current();
      const former = current.value?.account.userId;
      const gone = [...(await device.wipes())];
      if (former !== undefined && former !== userId) {
        await shut();
        // Another program has wiped her store; what this one wrote until it heard of that came after.
        if (!gone.some((one) => one.userId === former)) gone.push({ userId: former, keepsUnsent: true });
      }
      for (const one of gone) await wipe(one);
      if (former === userId) return current.value?.reload();
      if (userId !== undefined) adopt(await openStudent(userId, { surroundings, openFeatures }));
    });

  const stopHearing = storage.peers?.hear((topic) => {
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
      turn(async () => {
        const { student } = session;
        const former = current.value;
        if (former?.account.userId === student.id) {
          await former.renew(session, token);
          await device.write([deviceChanges.clearProgress()]);
          return tellPeers();
        }
        const fresh = { session, token };
        const entered = await openStudent(student.id, { surroundings, openFeatures, fresh });
        const ended = endedOf(former);
        const gone: Wipe | undefined = former && { userId: former.account.userId, keepsUnsent: true };
        try {
          await device.write([
            deviceChanges.setCurrent(student.id),
            deviceChanges.clearProgress(),
            deviceChanges.removeWipe(student.id),
            ...(gone ? [deviceChanges.addWipe(gone)] : []),
            ...(ended ? [deviceChanges.addEnded(ended)] : []),
          ]);
        } catch (error) {
          await entered.close();
          throw error;
        }
        await shut();
        adopt(entered);
        tellPeers();
        if (gone) await wipe(gone);
        deliver();
      }),
    leave,
    wake: () => {
      if (isClosed) return;
      current.value?.wake();
      deliver();
    },
    close: async () => {
      isClosed = true;
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
  if (student.token() === undefined) return { state: "expired", student: who, reason: "session/required" };
  if (!student.isConfirmed() && expiresAt <= now)
    return { state: "expired", student: who, reason: "session/expired" };
  return { state: "signedIn", student: who, sessionId: id };
};
