import type { Database, UnitOfWork } from "@edvoyage/db";
import {
  CODE_TTL_MS,
  type Challenge,
  type ChallengeId,
  type CommandId,
  type Platform,
  type SignIn,
} from "@edvoyage/protocol";
import { DAY_MS, MINUTE_MS, secondsUntil, type Clock } from "../platform/clock.ts";
import { deriveMac, isEqualConstantTime, sha256 } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import type { DeviceState, WrongCodeOutcome } from "../numbers/numbers.ts";
import type { SmsMessage, SmsOutcome } from "../sms/sms.ts";
import { authQueries as queries, deleteChallenges, pruneChallenges } from "./auth.store.ts";
import { refusalOf, refusalToError, type Refusal } from "./refusals.ts";
import { createSignIns, type SignIns, type SignInsDeps } from "./sign-ins.ts";

/** A request for a code, already parsed. */
export interface CodeRequest {
  /** E.164. */
  readonly phone: string;
  readonly deviceId: string;
  readonly deviceName: string | null;
  readonly platform: Platform;
  readonly appVersion: string | null;
  /** Whether the device keeps nothing: its session ends no lasting one, and it does not become known to the phone. */
  readonly isEphemeral: boolean;
  /** The address under which per-address rate limits count the request. */
  readonly ip: string;
}

/** An answer to a challenge, already parsed. */
export interface CodeAnswer {
  readonly challengeId: ChallengeId;
  readonly code: string;
  readonly deviceId: string;
  /**
   * A repetition with the same id and the same code is the same try, in case the first reply was lost: a wrong code counts once,
   * and the right one gets the same session key within a minute. The same id with another code is another try.
   */
  readonly commandId: CommandId | null;
  readonly ip: string;
}

/** Signs students in with a phone number and a one-time code. */
export interface Auth extends Pick<SignIns, "register"> {
  /**
   * Sends a code by SMS. Within its five minutes another request sends the same code, with the same attempt counter.
   * Throws `otp/blocked`, `otp/throttled`, `sms/failed`.
   */
  requestCode(request: CodeRequest): Promise<Challenge>;
  /**
   * Opens a session for the right code. A wrong attempt is counted on disk before the reply.
   * Throws `otp/incorrect`, `otp/blocked`, `otp/expired`, `otp/throttled`.
   */
  verifyCode(answer: CodeAnswer): Promise<SignIn>;
  /** Deletes all challenges of a phone number whose student is erased. */
  forgetPhone(tx: UnitOfWork, phone: string): Promise<void>;
  /** Deletes challenges that were created more than a day ago. */
  prune(now: number): Promise<void>;
}

/** The outcome of a request for a code. `waiting`: the code was sent a moment before, so no message was sent. */
export type CodeRequestOutcome = "sent" | "waiting" | "failed" | "throttled" | "blocked";

/** The counters of sign-ins for `/metrics`. */
export interface AuthMetrics {
  codeRequested(outcome: CodeRequestOutcome): void;
  codeJudged(outcome: "right" | "wrong"): void;
  deviceBlocked(): void;
}

export interface AuthDeps extends SignInsDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly metrics: AuthMetrics;
  /** Sends a message and returns its outcome. Never throws. */
  readonly sendSms: (message: Omit<SmsMessage, "text">) => Promise<SmsOutcome>;
}

/** How long a retry of the same command gets the same session key. */
const RETRY_WINDOW_MS = MINUTE_MS;
/** How soon the client may ask again when the provider refused the message. */
const RETRY_AFTER_REFUSAL_SECONDS = 5;

/** The verdict on an answer. A `wrong` one was compared and counted, a `wrong-again` one was counted before. */
type Verdict =
  | Refusal
  | { readonly state: "wrong"; readonly outcome: WrongCodeOutcome }
  | { readonly state: "wrong-again"; readonly attemptsRemaining: number }
  | { readonly state: "right"; readonly signIn: SignIn }
  | { readonly state: "repeated"; readonly signIn: SignIn };

export const createAuth = (deps: AuthDeps): Auth => {
  const { database, numbers, audit, clock, newId, metrics, secret } = deps;
  const codeMac = deriveMac(secret, "code");
  const tryMac = deriveMac(secret, "try");
  const { register, signIn, repeatSignIn } = createSignIns(deps);

  // Derived from the secret, so that no stored row reveals the code and a resend sends the same one.
  const codeOf = (challengeId: ChallengeId, device: DeviceState, length: number): string => {
    const mac = codeMac(challengeId, device.phone, device.deviceKey, "sign-in", length);
    return String(mac.readBigUInt64BE() % 10n ** BigInt(length)).padStart(length, "0");
  };

  // The code is part of it: otherwise one command could try many codes. A MAC, so that the database contains no code.
  const tryIdOf = ({ challengeId, commandId, code }: CodeAnswer, deviceKey: string): string =>
    tryMac(challengeId, deviceKey, commandId ?? "", code).toString("base64url");

  const reserveChallenge = async (tx: UnitOfWork, device: DeviceState, request: CodeRequest) => {
    const { phone, deviceKey, now, status } = device;
    const refusal = refusalOf(device);
    if (refusal) return refusal;
    const { codeLength } = status;
    const live = await tx.first(queries.liveChallenge, { phone, deviceKey, now, codeLength });
    const challenge = live ?? {
      id: newId<ChallengeId>(now),
      code_length: codeLength,
      expires_at: now + CODE_TTL_MS,
    };
    const sendId = newId<string>(now);
    const decision = await numbers.reserveSend(tx, device, {
      challengeId: challenge.id,
      sendId,
      ip: request.ip,
    });
    if (decision.state === "throttled") return decision;
    if (decision.state === "wait" && !live) return { state: "throttled", until: decision.resendAt } as const;
    const ephemeral = request.isEphemeral ? 1 : 0;
    if (live && live.ephemeral !== ephemeral) await tx.all(queries.setEphemeral, { id: live.id, ephemeral });
    if (!live) {
      const { deviceName, platform, appVersion } = request;
      const { id, expires_at: expiresAt } = challenge;
      await tx.all(queries.insertChallenge, {
        id,
        phone,
        deviceKey,
        codeLength,
        deviceName,
        platform,
        appVersion,
        ephemeral,
        now,
        expiresAt,
      });
    }
    return { ...decision, challenge, sendId };
  };

  const deliver = async (message: Omit<SmsMessage, "text">, resendAt: number): Promise<void> => {
    const outcome = await deps.sendSms(message);
    metrics.codeRequested(outcome === "sent" ? "sent" : "failed");
    if (outcome === "sent") return;
    if (outcome === "refused") await numbers.refuseSend(message.id, message.at);
    throw new AppError("sms/failed", "The message with the code could not be sent.", {
      retryAfterSeconds:
        outcome === "refused" ? RETRY_AFTER_REFUSAL_SECONDS : secondsUntil(resendAt, clock.now()),
    });
  };

  const judge = async (tx: UnitOfWork, answer: CodeAnswer, now: number): Promise<Verdict> => {
    const { challengeId: id, ip } = answer;
    const deviceKey = sha256(answer.deviceId);
    const found = await tx.first(queries.phoneOfChallenge, { id, deviceKey });
    if (!found) return { state: "expired" };
    const { phone } = found;
    const device = await numbers.lockAndLoad(tx, { phone, deviceKey, now });
    if (device.status.blockedUntil !== null)
      return { state: "blocked", blockedUntil: device.status.blockedUntil };

    // Read the challenge under the phone's lock; another answer may have used it a moment before.
    const challenge = await tx.first(queries.challenge, { id });
    if (!challenge) return { state: "expired" };
    const isRight = isEqualConstantTime(codeOf(id, device, challenge.code_length), answer.code);
    if (challenge.used_at !== null) {
      const isRepeated =
        isRight &&
        answer.commandId !== null &&
        answer.commandId === challenge.used_by_command_id &&
        now - challenge.used_at < RETRY_WINDOW_MS;
      const repeated = isRepeated ? await repeatSignIn(tx, challenge, device) : undefined;
      return repeated ? { state: "repeated", signIn: repeated } : { state: "expired" };
    }
    if (now >= challenge.expires_at) return { state: "expired" };
    const refusal = refusalOf(device);
    if (refusal) return refusal;
    // The attempts for codes of this length are used up, so all codes of this length are invalid.
    if (challenge.code_length < device.status.codeLength) return { state: "expired" };
    if (isRight)
      return { state: "right", signIn: await signIn(tx, challenge, { commandId: answer.commandId, device }) };

    const tryId = answer.commandId === null ? undefined : tryIdOf(answer, deviceKey);
    if (tryId !== undefined && (await numbers.isCounted(tx, tryId)))
      return { state: "wrong-again", attemptsRemaining: device.status.attemptsRemaining };
    const outcome = await numbers.recordWrongCode(tx, device, {
      codeLength: challenge.code_length,
      id: tryId,
    });
    await audit.record(tx, { at: now, action: "sign-in.wrong-code", actor: "device", phone, ip });
    if (outcome.state === "blocked") {
      await audit.record(tx, { at: now, action: "sign-in.blocked", actor: "device", phone, ip });
    }
    return { state: "wrong", outcome };
  };

  return {
    requestCode: async (request) => {
      const now = clock.now();
      const deviceKey = sha256(request.deviceId);
      const reservation = await database.write(async (tx) => {
        const device = await numbers.lockAndLoad(tx, { phone: request.phone, deviceKey, now });
        return { device, ...(await reserveChallenge(tx, device, request)) };
      });
      if (!("challenge" in reservation)) {
        metrics.codeRequested(reservation.state === "blocked" ? "blocked" : "throttled");
        throw refusalToError(reservation, now);
      }
      const { challenge, sendId, device, resendAt } = reservation;
      if (reservation.state === "send") {
        const code = codeOf(challenge.id, device, challenge.code_length);
        await deliver({ to: request.phone, code, id: sendId, at: now }, resendAt);
      } else {
        metrics.codeRequested("waiting");
      }
      return {
        challengeId: challenge.id,
        codeLength: challenge.code_length,
        expiresAt: challenge.expires_at,
        resendAt,
        attemptsRemaining: device.status.attemptsRemaining,
        serverNow: clock.now(),
      };
    },

    verifyCode: async (answer) => {
      const now = clock.now();
      // Return a wrong code as a verdict; an error thrown inside would roll back the counted attempt.
      const verdict = await database.write((tx) => judge(tx, answer, now));
      switch (verdict.state) {
        case "right":
          metrics.codeJudged("right");
          return verdict.signIn;
        case "repeated":
          return verdict.signIn;
        case "wrong":
          metrics.codeJudged("wrong");
          if (verdict.outcome.state === "blocked") {
            metrics.deviceBlocked();
            throw refusalToError(verdict.outcome, now);
          }
          throw incorrect(verdict.outcome);
        case "wrong-again":
          throw incorrect(verdict);
        default:
          throw refusalToError(verdict, now);
      }
    },

    register,

    forgetPhone: deleteChallenges,

    prune: async (now) => {
      while (await database.write((tx) => pruneChallenges(tx, now - DAY_MS)));
    },
  };
};

const incorrect = ({ attemptsRemaining }: { readonly attemptsRemaining: number }): AppError =>
  new AppError("otp/incorrect", "This is not the code.", { attemptsRemaining });
