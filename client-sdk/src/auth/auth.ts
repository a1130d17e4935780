import { toEdVoyageError } from "../runtime/errors.ts";
import { loadOnDemand } from "../runtime/load-on-demand.ts";
import { createSubject, setIfDifferent, type Observable, type Unsubscribe } from "../runtime/observable.ts";
import { createNotEmptyError } from "../outbox/outbox.ts";
import type { CoreFeatures } from "../students/features.ts";
import type { Unsent } from "../students/students.ts";
import { createSerialQueue } from "../runtime/serial-queue.ts";
import { endOf, progressAt, toStatus, type AuthStatus, type StoredProgress } from "./auth-status.ts";
import * as deviceChanges from "./device-changes.ts";
import type { AuthDeps, SignIn } from "./sign-in.ts";

/** Signing in with a phone number and a one-time code. */
export interface Auth {
  /** `status.state`. */
  readonly state: AuthStatus["state"];
  /** The state of signing in, with its details; a new object after each change. */
  readonly status: AuthStatus;
  /** Calls the listener with the status after each change, but not immediately. */
  onChange(listener: (status: AuthStatus) => void): Unsubscribe;
  /**
   * Requests a code by SMS. While a code is valid (five minutes), the same code is sent again; before `resendAt`, nothing is sent.
   * Throws `otp/blocked`, `otp/throttled`, `phone/invalid`, `phone/country-not-served`, `sms/failed`, `offline`.
   */
  requestCode(phone: string): Promise<AuthStatus>;
  /**
   * Verifies the code; spaces and dashes are ignored. May be retried after `offline`, even after a restart of the app. One try is
   * sent at a time: a code that is known to be wrong is answered here, and costs no further attempt. Throws `input/invalid` for a
   * text that is not a code, `otp/incorrect` (`details.attemptsRemaining`), `otp/blocked`, `otp/expired`, `otp/throttled`, `code/none`, `offline`.
   */
  verifyCode(code: string): Promise<AuthStatus>;
  /** Cancels a sign-in in progress. A block stays, because the server enforces it. */
  cancel(): Promise<void>;
  /**
   * Signs out, also without a network: the server is told as soon as it can be reached. Deletes the student's data from the
   * device. `pending` decides about unsent commands. "keep" keeps them for the student's next sign-in here. "discard" deletes
   * them. "flush" sends them first; if that takes longer than `timeoutMs`, or if commands have failed, it throws
   * `outbox/not-empty` and the student stays signed in: ask whether to keep or to discard the rest. Defaults: "keep" and 10,000.
   */
  signOut(options?: { readonly pending?: "flush" | Unsent; readonly timeoutMs?: number }): Promise<void>;
}

/** Signing in while the client is open. */
export interface AuthService extends Pick<Auth, "requestCode" | "verifyCode" | "cancel" | "signOut"> {
  readonly status: Observable<AuthStatus>;
  /** Reads a sign-in in progress from the device. */
  load(): Promise<void>;
  close(): void;
}

const FLUSH_TIMEOUT_MS = 10_000;

export const createAuth = <F extends CoreFeatures>(deps: AuthDeps<F>): AuthService => {
  const { environment, device, students } = deps;
  const { clock } = environment;
  const inTurn = createSerialQueue();
  let progress: StoredProgress | undefined;
  let cancelEnd: (() => void) | undefined;
  let signIn: SignIn | undefined;
  const status = createSubject<AuthStatus>(students.membership.value);

  const show = (): void => {
    const now = clock.now();
    cancelEnd?.();
    progress = progress && progressAt(progress, now);
    // Checks again when it should have ended: the clock may have been set back meanwhile.
    cancelEnd = progress && clock.after(endOf(progress) - now, show);
    setIfDifferent(status, toStatus(students.membership.value, progress));
  };

  const setProgress = async (next: StoredProgress | undefined): Promise<void> => {
    await device
      .write([next ? deviceChanges.setProgress(next) : deviceChanges.clearProgress()])
      .catch((error: unknown) => {
        throw toEdVoyageError(error);
      });
    progress = next;
    show();
    environment.storage.peers?.broadcast("device");
  };

  /** Signing in needs the network, and most starts of an app do not need it. */
  const openSignIn = async (): Promise<SignIn> => {
    const { createSignIn } = await loadOnDemand(() => import("./sign-in.ts"));
    signIn ??= createSignIn({
      ...deps,
      progress: {
        get: () => progress,
        set: (next) => {
          progress = next;
        },
        show,
        store: setProgress,
      },
    });
    return signIn;
  };

  const load = async (): Promise<void> => {
    progress = await device.progress();
    show();
  };

  const unwatch = students.membership.subscribe(show);
  return {
    status,
    load,

    requestCode: (phone) =>
      inTurn(async () => {
        await (await openSignIn()).requestCode(phone);
        return status.value;
      }),

    verifyCode: (code) =>
      inTurn(async () => {
        await (await openSignIn()).verifyCode(code);
        return status.value;
      }),

    cancel: () =>
      inTurn(async () => {
        if (progress?.state === "codeSent") await setProgress(undefined);
      }),

    signOut: ({ pending = "keep", timeoutMs = FLUSH_TIMEOUT_MS } = {}) =>
      inTurn(async () => {
        const student = students.current.value;
        if (pending === "flush" && student) {
          await student.features.flush({ timeoutMs });
          const failed = student.account.outbox.entries.value.filter(({ state }) => state === "failed");
          if (failed.length > 0) throw createNotEmptyError(failed.length);
        }
        await students.leave(pending === "discard" ? "discard" : "keep").catch((error: unknown) => {
          throw toEdVoyageError(error);
        });
        progress = undefined;
        show();
      }),

    close: () => {
      cancelEnd?.();
      unwatch();
    },
  };
};
