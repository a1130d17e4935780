import { createAuth, type AuthService } from "../auth/auth.ts";
import { openDevice, type Device } from "../auth/device.ts";
import { createReads, type Reads } from "../reads/reads.ts";
import { createHttpCaller } from "../rpc/http-caller.ts";
import { procedureAt } from "../rpc/server-api.ts";
import type { ClientOptions } from "../runtime/client-options.ts";
import type { ClientEnvironment } from "../runtime/environment.ts";
import { follow, watchValue } from "../runtime/observable.ts";
import { openRecords } from "../storage/open-records.ts";
import type { Records } from "../storage/records.ts";
import type { CoreFeatures, OpenFeatures } from "../students/features.ts";
import type { OpenStudent } from "../students/open-student.ts";
import { createStudents, type Students } from "../students/students.ts";
import {
  abandon,
  isClosedError,
  watchForLoss,
  type AbandonedStudent,
  type StorageLoss,
} from "./storage-loss.ts";

/** Everything that a client has opened on its device. */
export interface OpenedClient<F extends CoreFeatures> {
  readonly auth: AuthService;
  readonly students: Students<F>;
  /** Reads that need no session, for the time without a student. */
  readonly reads: Reads;
  /** The records that belong to no student. */
  readonly records: Records;
  close(): Promise<void>;
}

export interface OpenClientDeps<F extends CoreFeatures> {
  readonly options: ClientOptions;
  readonly environment: ClientEnvironment;
  readonly openFeatures: OpenFeatures<F>;
  /** Called when the session of the current student has changed: the device's push token, for one, belongs to it then. */
  readonly onSession: () => Promise<void>;
  /** The student whose data was deleted under the client that was open before this one. */
  readonly abandoned: AbandonedStudent | undefined;
  /** Called once when the stores of this client are gone: it is of no use any more. */
  readonly onGone: (loss: StorageLoss | undefined) => void;
  /** Aborted when the client closes. */
  readonly closed: AbortSignal;
}

const DEVICE_STORE = "device";

/** Opens the device's records, and the store of the student who was here last. Leaves nothing open when it throws. */
export const openClient = async <F extends CoreFeatures>({
  options,
  environment: givenEnvironment,
  openFeatures,
  onSession,
  abandoned,
  onGone,
  closed,
}: OpenClientDeps<F>): Promise<OpenedClient<F>> => {
  let onDoubt = (): void => {};
  const environment: ClientEnvironment = {
    ...givenEnvironment,
    report: (problem) => {
      // A store was closed under a task in the background; if it is lost, that is reported once.
      if (isClosedError(problem.cause)) onDoubt();
      else givenEnvironment.report(problem);
    },
  };
  const { clock, report, storage } = environment;
  const rpc = createHttpCaller({ ...environment, closed });
  const { records, device } = await openDeviceStore(environment);
  const { wipeWhenRevoked = false } = options;
  const students = createStudents({
    environment,
    device,
    openFeatures,
    wipeWhenRevoked,
    onPeerChange: () => {
      void auth.load().catch(() => {});
      onDoubt();
    },
  });
  const auth = createAuth({ environment, device, students, rpc, app: options });
  const reads = createReads({
    records,
    clock,
    ask: (procedure, input) => procedureAt(rpc, procedure).query(input),
    onNotKept: (cause) => report({ kind: "not-kept", message: "An answer could not be stored.", cause }),
  });
  const close = async (): Promise<void> => {
    auth.close();
    reads.close();
    await students.close();
    await device.close();
  };
  try {
    if (abandoned) await abandon(abandoned, { storage, device });
    await students.load();
    await auth.load();
  } catch (error) {
    // Close everything that is already open; otherwise what it holds would block the next attempt.
    await close().catch(() => {});
    throw error;
  }
  const session = follow<OpenStudent<F>, unknown>(
    students.current,
    (openStudent) => openStudent.session,
    undefined,
  );
  const tellSession = (): void => {
    onSession().catch((cause: unknown) => {
      if (!closed.aborted) report({ kind: "not-kept", message: "A token could not be stored.", cause });
    });
  };
  const loss = watchForLoss({ storage, device, students, onGone });
  onDoubt = loss.check;
  const unsubscribes = [
    loss.stop,
    onWakeUp(environment, () => {
      students.wake();
      reads.wake();
    }),
    watchValue(session, tellSession),
  ];
  void students.current.value?.validate();
  return {
    auth,
    students,
    reads,
    records,
    close: async () => {
      for (const unsubscribe of unsubscribes) unsubscribe();
      await close();
    },
  };
};

const openDeviceStore = async (
  environment: ClientEnvironment,
): Promise<{ readonly records: Records; readonly device: Device }> => {
  const records = await openRecords(DEVICE_STORE, environment);
  const device = await openDevice(records, environment).catch(async (error: unknown) => {
    await records.close();
    throw error;
  });
  return { records, device };
};

/** Calls the listener after a change of the network or the app's state, if there is a network and the app is in the foreground. */
const onWakeUp = ({ network, appState }: ClientEnvironment, listener: () => void): (() => void) => {
  const check = (): void => {
    if (network.isOnline() && appState?.isActive() !== false) listener();
  };
  const unsubscribes = [network.subscribe(check), appState?.subscribe(check)];
  return () => {
    for (const unsubscribe of unsubscribes) unsubscribe?.();
  };
};
