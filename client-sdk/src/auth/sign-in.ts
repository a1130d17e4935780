import {
  CODE_PATTERN,
  CODE_SEPARATORS,
  INTERNATIONAL_PHONE,
  SESSION_LIFETIME_MS,
  type AppDescription,
  type SessionId,
} from "@edvoyage/protocol";
import type { ServerApi } from "../rpc/server-api.ts";
import type { ClientEnvironment } from "../runtime/environment.ts";
import { EdVoyageError, toEdVoyageError } from "../runtime/errors.ts";
import { assertPhone } from "../runtime/phone.ts";
import { createInvalidError } from "../runtime/valid-input.ts";
import type { CoreFeatures } from "../students/features.ts";
import type { StoredSession } from "../students/session-store.ts";
import type { Students } from "../students/students.ts";
import type { StoredProgress } from "./auth-status.ts";
import type { Device } from "./device.ts";

/** The dependencies of `createAuth`. */
export interface AuthDeps<F extends CoreFeatures> {
  readonly environment: ClientEnvironment;
  readonly device: Device;
  readonly students: Students<F>;
  /** Calls procedures without a session. */
  readonly rpc: ServerApi;
  readonly app: AppDescription;
}

/** The two steps of signing in, as `Auth` describes them. Make only one call at a time. */
export interface SignIn {
  requestCode(phone: string): Promise<void>;
  verifyCode(code: string): Promise<void>;
}

export interface SignInDeps<F extends CoreFeatures> extends AuthDeps<F> {
  /** The sign-in in progress. */
  readonly progress: {
    get(): StoredProgress | undefined;
    /** Changes it without storing or showing it. */
    set(next: StoredProgress | undefined): void;
    /** Shows it as it is now. */
    show(): void;
    /** Stores it, then shows it. */
    store(next: StoredProgress | undefined): Promise<void>;
  };
}

/** Creates both steps; they ask the server only when they are called. */
export const createSignIn = <F extends CoreFeatures>({
  environment: { clock, newId, storage },
  device,
  students,
  rpc,
  app,
  progress,
}: SignInDeps<F>): SignIn => {
  /** The code of the last sign-in here. */
  let accepted: { readonly code: string; readonly sessionId: SessionId } | undefined;

  const isAccepted = (code: string): boolean => {
    const { value } = students.membership;
    return accepted?.code === code && value.state === "signedIn" && value.sessionId === accepted.sessionId;
  };

  /** Stores what an error response says about the sign-in, then throws the error. `code`: the code that was sent. */
  const rememberAndThrow = async (
    thrown: unknown,
    { phone, code }: { readonly phone: string; readonly code?: string },
  ): Promise<never> => {
    const error = toEdVoyageError(thrown);
    const now = clock.now();
    const current = progress.get();
    const { retryAfterSeconds, attemptsRemaining } = error.details;
    if (error.reason === "otp/blocked" && typeof retryAfterSeconds === "number") {
      await progress.store({
        state: "blocked",
        phone,
        blockedUntil: now + retryAfterSeconds * 1_000,
        at: now,
      });
    }
    if (
      error.reason === "otp/incorrect" &&
      typeof attemptsRemaining === "number" &&
      current?.state === "codeSent" &&
      code !== undefined
    ) {
      const { wrongCodes = [] } = current;
      await progress.store({ ...current, attemptsRemaining, wrongCodes: [...wrongCodes, code] });
    }
    if (error.reason === "otp/expired") await progress.store(undefined);
    throw error;
  };

  return {
    requestCode: async (phone) => {
      assertPhone(phone, INTERNATIONAL_PHONE);
      const { deviceName, platform, appVersion } = app;
      const about = { phone, deviceId: await device.deviceId(), deviceName, platform, appVersion };
      // Without a disk this is a new device each time: it must not displace the student's lasting devices.
      const request = storage.durability === "memory" ? { ...about, ephemeral: true as const } : about;
      const challenge = await rpc.auth.requestCode
        .mutate(request)
        .catch((error: unknown) => rememberAndThrow(error, { phone }));
      const now = clock.now();
      const toDevice = (at: number): number => at - challenge.serverNow + now;
      const { challengeId } = challenge;
      // The same challenge has the same code.
      const current = progress.get();
      const before =
        current?.state === "codeSent" && current.challengeId === challengeId ? current : undefined;
      await progress.store({
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
    },

    verifyCode: async (given) => {
      progress.show();
      const code = given.replaceAll(CODE_SEPARATORS, "");
      const answered = progress.get();
      if (answered?.state !== "codeSent") {
        // The student has tapped twice.
        if (isAccepted(code)) return;
        throw new EdVoyageError("code/none", "No sign-in is in progress: request a code first.");
      }
      const { challengeId, commandId, phone, wrongCodes = [], attemptsRemaining } = answered;
      if (!CODE_PATTERN.test(code)) {
        throw createInvalidError("This is not a code.", [{ path: "code", message: "6 to 8 digits" }]);
      }
      if (wrongCodes.includes(code)) {
        throw new EdVoyageError("otp/incorrect", "This is not the code.", { details: { attemptsRemaining } });
      }
      const { token, session, user } = await rpc.auth.verifyCode
        .mutate({ challengeId, code, deviceId: await device.deviceId(), commandId })
        .catch((error: unknown) => rememberAndThrow(error, { phone, code }));
      const now = clock.now();
      const opened: StoredSession = {
        id: session.id,
        student: { id: user.id, phone: user.phone },
        signedInAt: now,
        heardAt: now,
        expiresAt: now + Math.min(session.expiresAt - session.createdAt, SESSION_LIFETIME_MS),
      };
      progress.set(undefined);
      await students.enter(opened, token).catch((error: unknown) => {
        // The same code can be used again and yields the same session.
        progress.set(answered);
        progress.show();
        throw toEdVoyageError(error);
      });
      accepted = { code, sessionId: opened.id };
      progress.show();
    },
  };
};
