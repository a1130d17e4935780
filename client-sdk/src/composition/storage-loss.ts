import * as deviceChanges from "../auth/device-changes.ts";
import type { EndedSession } from "../auth/device-changes.ts";
import type { Device } from "../auth/device.ts";
import { toEdVoyageError } from "../runtime/errors.ts";
import type { ClientEnvironment } from "../runtime/environment.ts";
import type { CoreFeatures } from "../students/features.ts";
import { storeNameOf, type OpenStudent } from "../students/open-student.ts";
import type { Students } from "../students/students.ts";
import type { UserId } from "@edvoyage/protocol";

/** The student whose data was deleted under the app. */
export interface AbandonedStudent {
  readonly userId: UserId;
  /** The session, which the server does not know to be over; `undefined` without a key. */
  readonly ended: EndedSession | undefined;
}

/** A loss of stores that something other than this app has deleted. */
export interface StorageLoss {
  /** The student who was signed in; `undefined` if nobody was. */
  readonly student: AbandonedStudent | undefined;
}

interface LossDeps<F extends CoreFeatures> {
  readonly storage: ClientEnvironment["storage"];
  readonly device: Device;
  readonly students: Students<F>;
  /**
   * Called once when the stores are gone. `loss` is `undefined` if another program of this app has deleted the student's, and has
   * created it again since.
   */
  readonly onGone: (loss: StorageLoss | undefined) => void;
}

/**
 * Notices when the stores of an open client are deleted under it. Call `check` when a store was closed by something else: another
 * program that signs the student out deletes the student's store as well.
 */
export const watchForLoss = <F extends CoreFeatures>({ storage, device, students, onGone }: LossDeps<F>) => {
  let isBusy = false;
  let isOver = false;

  /** Returns whether another program has noticed a loss before, and has created the device's records again. */
  const examine = async (student: OpenStudent<F> | undefined): Promise<boolean> => {
    if (await device.isReplaced()) return true;
    if (!student) return false;
    // Another program has signed the student out, and has told the device's records first.
    if ((await device.current())?.id === student.account.userId)
      await student.account.records.keys("session");
    else await students.load();
    return false;
  };
  const check = async (): Promise<void> => {
    if (isBusy || isOver) return;
    isBusy = true;
    const student = students.current.value;
    let isReplaced = false;
    const isGone = await examine(student).then((is) => (isReplaced = is), isClosedError);
    isBusy = false;
    if (!isGone || isOver) return;
    isOver = true;
    const isLost =
      isReplaced || !student || !(await isBackAgain(student.account.userId, { storage, device }));
    // The other tabs look, too: later they might find nothing but records that this one has created.
    if (isLost) storage.peers?.broadcast("device");
    onGone(isLost ? { student: student && toAbandoned(student) } : undefined);
  };
  const unsubscribe = storage.watchDeletions?.(() => void check());
  return {
    check: () => void check(),
    stop: () => {
      isOver = true;
      unsubscribe?.();
    },
  };
};

/** Returns whether another program has signed the student in again, and so has created a new store. */
const isBackAgain = async (
  userId: UserId,
  { storage, device }: { readonly storage: ClientEnvironment["storage"]; readonly device: Device },
): Promise<boolean> => {
  const onDevice = await device.current().catch(() => undefined);
  return onDevice?.id === userId && (await storage.list()).includes(storeNameOf(userId));
};

/** Returns whether a task failed because its store was closed. */
export const isClosedError = (error: unknown): boolean => toEdVoyageError(error).reason === "closed";

/** Returns what has to be remembered of the student whose data is lost. */
const toAbandoned = <F extends CoreFeatures>(student: OpenStudent<F>): AbandonedStudent => {
  const token = student.token();
  return {
    userId: student.account.userId,
    ended: token === undefined ? undefined : { id: student.session.value.id, token },
  };
};

/**
 * Signs a student out whose data is lost: what is left of it will be deleted, the key in the keychain too, and the session ended
 * on the server. Does nothing if another tab has signed the student in again meanwhile.
 */
export const abandon = async (
  { userId, ended }: AbandonedStudent,
  { storage, device }: { readonly storage: ClientEnvironment["storage"]; readonly device: Device },
): Promise<void> => {
  if (await isBackAgain(userId, { storage, device })) return;
  await device.write([
    // Only the student's store was deleted, and the device's own is still there.
    ...((await device.current())?.id === userId
      ? [deviceChanges.clearCurrent(), deviceChanges.clearProgress()]
      : []),
    deviceChanges.addWipe({ userId, keepsUnsent: false }),
    ...(ended ? [deviceChanges.addEnded(ended)] : []),
  ]);
};
