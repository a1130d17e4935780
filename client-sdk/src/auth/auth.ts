import {
  CODE_PATTERN,
  CODE_SEPARATORS,
  INTERNATIONAL_PHONE,
  SESSION_LIFETIME_MS,
  type AppDescription,
  type ChallengeId,
  type SessionId,
} from "@edvoyage/protocol";
import { EdVoyageError, toEdVoyageError } from "../runtime/errors.ts";
import {
  createSubject,
  setIfDifferent,
  watchValue,
  type Observable,
  type Unsubscribe,
} from "../runtime/observable.ts";
import { createNotEmptyError } from "../outbox/outbox.ts";
import type { ServerApi } from "../rpc/server-api.ts";
import type { CoreFeatures } from "../students/features.ts";
import type { StoredSession } from "../students/session-store.ts";
import type { Students, Unsent } from "../students/students.ts";
import type { ClientEnvironment } from "../runtime/environment.ts";
import { assertPhone } from "../runtime/phone.ts";
import { createInvalidError } from "../runtime/valid-input.ts";
import { createSerialQueue } from "../runtime/serial-queue.ts";
import { endOf, progressAt, toStatus, type AuthStatus, type StoredProgress } from "./auth-status.ts";
import { deviceChanges, type Device } from "./device.ts";

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

export interface AuthService extends Auth {
  readonly changed: Observable<AuthStatus>;
  /** Reads a sign-in in progress from the device. */
  load(): Promise<void>;
  close(): void;
}

const FLUSH_TIMEOUT_MS = 10_000;

export const createAuth = <F extends CoreFeatures>(deps: {
  readonly environment: ClientEnvironment;
  readonly device: Device;
  readonly students: Students<F>;
  /** Calls procedures without a session. */
  readonly rpc: ServerApi;
  readonly app: AppDescription;
}): AuthService => {
  const { environment, device, students, rpc, app } = deps;
  const { clock, newId } = environment;
  const inTurn = createSerialQueue();
  let progress: StoredProgress | undefined;
  let cancelEnd: (() => void) | undefined;
  const status = createSubject<AuthStatus>(students.membership.value);

  /** The code of the last sign-in here. */
  let accepted: { readonly code: string; readonly sessionId: SessionId } | undefined;

  const isAccepted = (code: string): boolean => {
    const { value } = students.membership;
    return accepted?.code === code && value.state === "signedIn" && value.sessionId === accepted.sessionId;
  };

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

  /** Stores what an error response says about the sign-in, then throws the error. `code`: the code that was sent. */
  const rememberAndThrow = async (
    thrown: unknown,
    { phone, code }: { readonly phone: string; readonly code?: string },
  ): Promise<never> => {
    const error = toEdVoyageError(thrown);
    const now = clock.now();
    const { retryAfterSeconds, attemptsRemaining } = error.details;
    if (error.reason === "otp/blocked" && typeof retryAfterSeconds === "number") {
      await setProgress({ state: "blocked", phone, blockedUntil: now + retryAfterSeconds * 1_000, at: now });
    }
    if (
      error.reason === "otp/incorrect" &&
      typeof attemptsRemaining === "number" &&
      progress?.state === "codeSent" &&
      code !== undefined
    ) {
      const { wrongCodes = [] } = progress;
      await setProgress({ ...progress, attemptsRemaining, wrongCodes: [...wrongCodes, code] });
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
      inTurn(async () => {
        assertPhone(phone, INTERNATIONAL_PHONE);
        const { deviceName, platform, appVersion } = app;
        const about = { phone, deviceId: await device.deviceId(), deviceName, platform, appVersion };
        // Without a disk this is a new device each time: it must not displace the student's lasting devices.
        const request =
          environment.storage.durability === "memory" ? { ...about, ephemeral: true as const } : about;
        const challenge = await rpc.auth.requestCode
          .mutate(request)
          .catch((error: unknown) => rememberAndThrow(error, { phone }));
        const now = clock.now();
        const toDevice = (at: number): number => at - challenge.serverNow + now;
        const { challengeId } = challenge;
        // The same challenge has the same code.
        const before =
          progress?.state === "codeSent" && progress.challengeId === challengeId ? progress : undefined;
        await setProgress({
          state: "codeSent",
          phone,
          challengeId,
          commandId: before?.commandId ?? newId(),
          wrongCodes: before?.wrongCodes ?? [],
          codeLength: challenge.codeLength,
          attemptsRemaining: challenge.attemptsRemaining,
          expiresAt: toDevice(challenge.expiresAt),
          resendAt: toDevice(challenge.resendAt),
          at: now,
        });
        return status.value;
      }),

    verifyCode: (given) =>
      inTurn(async () => {
        show();
        const code = given.replaceAll(CODE_SEPARATORS, "");
        if (progress?.state !== "codeSent") {
          // The student has tapped twice.
          if (isAccepted(code)) return status.value;
          throw new EdVoyageError("code/none", "No sign-in is in progress: request a code first.");
        }
        const answered = progress;
        const { challengeId, commandId, phone, wrongCodes = [], attemptsRemaining } = answered;
        if (!CODE_PATTERN.test(code)) {
          throw createInvalidError("This is not a code.", [{ path: "code", message: "6 to 8 digits" }]);
        }
        if (wrongCodes.includes(code)) {
          throw new EdVoyageError("otp/incorrect", "This is not the code.", {
            details: { attemptsRemaining },
          });
        }
        const answer: { challengeId: ChallengeId; code: string; deviceId: string; commandId: string } = {
          challengeId,
          code,
          deviceId: await device.deviceId(),
          commandId,
        };
        const { token, session, user } = await rpc.auth.verifyCode
          .mutate(answer)
          .catch((error: unknown) => rememberAndThrow(error, { phone, code }));
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
          // The same code can be used again and yields the same session.
          progress = answered;
          show();
          throw toEdVoyageError(error);
        });
        accepted = { code, sessionId: opened.id };
        show();
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
