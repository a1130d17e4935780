import { SESSION_LIFETIME_MS, type ChallengeId, type Platform } from "@edvoyage/protocol";
import { EdVoyageError, toEdVoyageError } from "../runtime/errors.ts";
import {
  createSubject,
  setIfDifferent,
  watchValue,
  type Observable,
  type Unsubscribe,
} from "../runtime/observable.ts";
import type { ServerApi } from "../rpc/server-api.ts";
import type { Features } from "../students/open-student.ts";
import type { StoredSession } from "../students/session-store.ts";
import type { Students, Unsent } from "../students/students.ts";
import type { ClientEnvironment } from "../runtime/environment.ts";
import { createSerialQueue } from "../runtime/serial-queue.ts";
import { endOf, progressAt, toStatus, type AuthStatus, type StoredProgress } from "./auth-status.ts";
import { deviceChanges, type Device } from "./device.ts";

/** Signing in with a phone number and a one-time code. */
export interface Auth {
  /** `status.state`. */
  readonly state: AuthStatus["state"];
  /** How far signing in has come, with the facts; a new object when something changes. */
  readonly status: AuthStatus;
  /** Calls with the status after each change, not at once. */
  onChange(listener: (status: AuthStatus) => void): Unsubscribe;
  /**
   * Has a code sent to a phone; within its five minutes the same one again, and before `resendAt` nothing. Throws `otp/blocked`,
   * `otp/throttled`, `phone/invalid`, `phone/country-not-served`, `sms/failed`, `offline`.
   */
  requestCode(phone: string): Promise<AuthStatus>;
  /**
   * Answers with the code; spaces and dashes do not matter. May be repeated after `offline`, also after a restart of the app.
   * Throws `otp/incorrect` (`details.attemptsRemaining`), `otp/blocked`, `otp/expired`, `otp/throttled`, `code/none`, `offline`.
   */
  verifyCode(code: string): Promise<AuthStatus>;
  /** Gives a sign-in up that has begun. A block stays: it is the server's. */
  cancel(): Promise<void>;
  /**
   * Signs out, also without a network: the server is told when it can be reached. The student's data leaves the device.
   * `pending` says what becomes of what was not sent yet: "keep" (unless told) keeps it on the device for her next
   * sign-in here, "discard" drops it, "flush" sends it first and throws `outbox/not-empty`, with her still signed in, when that takes
   * longer than `timeoutMs` (10,000 unless told).
   */
  signOut(options?: { readonly pending?: "flush" | Unsent; readonly timeoutMs?: number }): Promise<void>;
}

/** What the app tells of itself; admins and the student see it in lists of sessions. */
export interface AppDescription {
  readonly deviceName?: string | undefined;
  readonly platform?: Platform | undefined;
  readonly appVersion?: string | undefined;
}

export interface AuthService extends Auth {
  readonly changed: Observable<AuthStatus>;
  /** Reads how far a sign-in had come. */
  load(): Promise<void>;
  close(): void;
}

const FLUSH_MS = 10_000;

export const createAuth = <F extends Features>(deps: {
  readonly surroundings: ClientEnvironment;
  readonly device: Device;
  readonly students: Students<F>;
  /** Calls as nobody. */
  readonly rpc: ServerApi;
  readonly app: AppDescription;
}): AuthService => {
  const { surroundings, device, students, rpc, app } = deps;
  const { clock, newId } = surroundings;
  const turn = createSerialQueue();
  let progress: StoredProgress | undefined;
  let cancelEnd: (() => void) | undefined;
  const status = createSubject<AuthStatus>(students.membership.value);

  const show = (): void => {
    const now = clock.now();
    cancelEnd?.();
    progress = progress && progressAt(progress, now);
    // Looks again when it should be over: the clock may have been put back meanwhile.
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
    surroundings.storage.peers?.broadcast("device");
  };

  /** Remembers what a refusal says of the sign-in, and throws it on. */
  const refused = async (thrown: unknown, phone: string): Promise<never> => {
    const error = toEdVoyageError(thrown);
    const now = clock.now();
    const { retryAfterSeconds, attemptsRemaining } = error.details;
    if (error.reason === "otp/blocked" && typeof retryAfterSeconds === "number") {
      await setProgress({ state: "blocked", phone, blockedUntil: now + retryAfterSeconds * 1_000, at: now });
    }
    if (
      error.reason === "otp/incorrect" &&
      typeof attemptsRemaining === "number" &&
      progress?.state === "codeSent"
    ) {
      await setProgress({ ...progress, attemptsRemaining });
    }
    if (error.reason === "otp/expired") await setProgress(undefined);
    throw error;
  };

  const load = async (): Promise<void> => {
    progress = await device.progress();
    show();
  };

  const unwatch = students.membership.subscribe(show);
  return {
    get state() {
      return status.value.state;
    },
    get status() {
      return status.value;
    },
    changed: status,
    onChange: (listener) => watchValue(status, listener),
    load,

    requestCode: (phone) =>
      turn(async () => {
        const { deviceName, platform, appVersion } = app;
        const request = { phone, deviceId: device.deviceId, deviceName, platform, appVersion };
        const challenge = await rpc.auth.requestCode
          .mutate(request)
          .catch((error: unknown) => refused(error, phone));
        const now = clock.now();
        const toDevice = (at: number): number => at - challenge.serverNow + now;
        await setProgress({
          state: "codeSent",
          phone,
          challengeId: challenge.challengeId,
          commandId: newId(),
          codeLength: challenge.codeLength,
          attemptsRemaining: challenge.attemptsRemaining,
          expiresAt: toDevice(challenge.expiresAt),
          resendAt: toDevice(challenge.resendAt),
          at: now,
        });
        return status.value;
      }),

    verifyCode: (code) =>
      turn(async () => {
        show();
        if (progress?.state !== "codeSent") {
          throw new EdVoyageError("code/none", "There is no code to answer: ask for one.");
        }
        const answered = progress;
        const { challengeId, commandId, phone } = answered;
        const answer: { challengeId: ChallengeId; code: string; deviceId: string; commandId: string } = {
          challengeId,
          code,
          deviceId: device.deviceId,
          commandId,
        };
        const { token, session, user } = await rpc.auth.verifyCode
          .mutate(answer)
          .catch((error: unknown) => refused(error, phone));
        const now = clock.now();
        const opened: StoredSession = {
          id: session.id,
          student: { id: user.id, phone: user.phone },
          signedInAt: now,
          heardAt: now,
          expiresAt: now + Math.min(session.expiresAt - session.createdAt, SESSION_LIFETIME_MS),
        };
        progress = undefined;
        await students.enter(opened, token).catch((error: unknown) => {
          // The code works again, for the same session.
          progress = answered;
          show();
          throw toEdVoyageError(error);
        });
        show();
        return status.value;
      }),

    cancel: () =>
      turn(async () => {
        if (progress?.state === "codeSent") await setProgress(undefined);
      }),

    signOut: ({ pending = "keep", timeoutMs = FLUSH_MS } = {}) =>
      turn(async () => {
        if (pending === "flush") await students.current.value?.features.flush({ timeoutMs });
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
