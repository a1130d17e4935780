import { deviceChanges, type Device, type EndedSession } from "../auth/device.ts";
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

/**
 * The fate of stores that are gone. "lost": something other than this app has deleted them. "replaced": another program, such as a
 * tab that was quicker to notice, has created them again since.
 */
export type LossFinding = "lost" | "replaced";

interface LossDeps<F extends CoreFeatures> {
  readonly storage: ClientEnvironment["storage"];
  readonly device: Device;
  readonly students: Students<F>;
  /** Called once when the stores are gone. */
  readonly onGone: (finding: LossFinding) => void;
}

/**
 * Notices when the stores of an open client are deleted under it. Call `check` when a store was closed by something else: another
 * program that signs the student out deletes the student's store as well.
 */
export const watchForLoss = <F extends CoreFeatures>({ storage, device, students, onGone }: LossDeps<F>) => {
  let abandoned: AbandonedStudent | undefined;
  let isOver = false;
  let isChecking = false;

  const check = (): void => {
    if (isOver || isChecking) return;
    isChecking = true;
    const student = students.current.value;
    const isDone = examine({ storage, device, students })
      .catch((error: unknown) => (isClosedError(error) ? ("lost" as const) : undefined))
      .then((finding) => {
        isChecking = false;
        if (isOver || !finding) return;
        isOver = true;
        if (finding === "lost" && student) abandoned = toAbandoned(student);
        onGone(finding);
      });
    void isDone;
  };
  const unsubscribe = storage.watchDeletions?.(check);
  return {
    check,
    /** Returns the student whose data was lost; `undefined` if none was. */
    abandoned: () => abandoned,
    stop: () => {
      isOver = true;
      unsubscribe?.();
    },
  };
};

/** Returns `undefined` if the stores are there. Throws `StorageError` ("closed") if the device's own store is gone. */
const examine = async <F extends CoreFeatures>({
  storage,
  device,
  students,
}: Omit<LossDeps<F>, "onGone">): Promise<LossFinding | undefined> => {
  const student = students.current.value;
  const onDevice = await device.current();
  if (!student) return undefined;
  const { userId, records } = student.account;
  if (onDevice?.id !== userId) {
    // Another program has signed the student out, and has told the device's records first.
    await students.load();
    return undefined;
  }
  if (!(await storage.list()).includes(storeNameOf(userId))) return "lost";
  return records.keys("session").then(
    () => undefined,
    (error: unknown) => (isClosedError(error) ? "replaced" : undefined),
  );
};

const isClosedError = (error: unknown): boolean => toEdVoyageError(error).reason === "closed";

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
  const isCurrent = (await device.current())?.id === userId;
  if (isCurrent && (await storage.list()).includes(storeNameOf(userId))) return;
  await device.write([
    ...(isCurrent ? [deviceChanges.clearCurrent(), deviceChanges.clearProgress()] : []),
    deviceChanges.addWipe({ userId, keepsUnsent: false }),
    ...(ended ? [deviceChanges.addEnded(ended)] : []),
  ]);
};
