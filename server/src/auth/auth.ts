import type { Database, Tables, UnitOfWork } from "@edvoyage/db";
import {
  CODE_TTL_MS,
  type ChallengeId,
  type CommandId,
  type Platform,
  type UserId,
} from "@edvoyage/protocol";
import type { Audit, AuditActor } from "../audit/audit.ts";
import { DAY_MS, MINUTE_MS, secondsUntil, type Clock } from "../platform/clock.ts";
import { deriveMac, isEqualConstantTime, sha256, type NewId, type Random } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import type { Numbers, DeviceState, WrongCodeOutcome } from "../numbers/numbers.ts";
import type { SessionView, Sessions, UserView } from "../sessions/sessions.ts";
import type { SmsMessage, SmsOutcome } from "../sms/sms.ts";
import { authQueries as queries, deleteChallenges, pruneChallenges } from "./auth.store.ts";

/** A request for a code, checked for shape. */
export interface CodeRequest {
  /** E.164. */
  readonly phone: string;
  readonly deviceId: string;
  readonly deviceName: string | null;
  readonly platform: Platform;
  readonly appVersion: string | null;
  /** What limits by address count it under. */
  readonly ip: string;
}

/** What a device needs to ask its student for the code. The same for known and unknown numbers. */
export interface Challenge {
  readonly challengeId: ChallengeId;
  readonly codeLength: number;
  readonly expiresAt: number;
  /** Before this instant, asking again sends nothing. */
  readonly resendAt: number;
  readonly attemptsRemaining: number;
  readonly serverNow: number;
}

/** An answer to a challenge, checked for shape. */
export interface CodeAnswer {
  readonly challengeId: ChallengeId;
  readonly code: string;
  readonly deviceId: string;
  /** Its repetition within a minute gets the same key, for replies that were lost. */
  readonly commandId: CommandId | null;
  readonly ip: string;
}

/** A signed-in device. */
export interface SignIn {
  /** The session's key: 43 characters, base64url. Only its hash is kept. */
  readonly token: string;
  readonly session: SessionView;
  readonly user: UserView & {
    /** Whether she had deleted her account, and has it back by this sign-in. */
    readonly deletionUndone: boolean;
  };
  readonly isNewUser: boolean;
}

/** Signing in with a phone number and a one-time code. */
export interface Auth {
  /**
   * Sends a code by SMS; within its five minutes the same one again, with the same counter.
   * Throws `otp/blocked`, `otp/throttled`, `sms/failed`.
   */
  requestCode(request: CodeRequest): Promise<Challenge>;
  /**
   * Opens a session for the right code. Every wrong one is on the disk before it is answered.
   * Throws `otp/incorrect`, `otp/blocked`, `otp/expired`, `otp/throttled`.
   */
  verifyCode(answer: CodeAnswer): Promise<SignIn>;
  /** Makes a student, as her first sign-in does; the caller knows that her number is nobody's. */
  register(
    tx: UnitOfWork,
    user: { readonly id: UserId; readonly phone: string; readonly now: number },
  ): Promise<void>;
  /** All challenges of a phone go: its student is erased. */
  forgetPhone(tx: UnitOfWork, phone: string): Promise<void>;
  /** Deletes challenges that are over for a day. */
  prune(now: number): Promise<void>;
}

/** What became of a request for a code: `waiting` had one that was sent a moment before. */
export type CodeRequestOutcome = "sent" | "waiting" | "failed" | "throttled" | "blocked";

/** Counts what happens, for `/metrics`. */
export interface AuthMetrics {
  codeRequested(outcome: CodeRequestOutcome): void;
  codeJudged(outcome: "right" | "wrong"): void;
  deviceBlocked(): void;
}

export interface AuthDeps {
  readonly database: Database;
  readonly numbers: Numbers;
  readonly sessions: Sessions;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: NewId;
  readonly metrics: AuthMetrics;
  /** Never throws: says what became of the message. */
  readonly sendSms: (message: Omit<SmsMessage, "text">) => Promise<SmsOutcome>;
  /** The server's secret; keys for codes and sessions are derived from it. */
  readonly secret: string;
  /** Called in the unit of work that makes a student. */
  readonly registered: (
    tx: UnitOfWork,
    user: { readonly id: UserId; readonly phone: string },
  ) => Promise<void>;
}

/** How long the repetition of a command gets the same key. */
const RETRY_WINDOW_MS = MINUTE_MS;
/** 256 random bits. */
const KEY_BYTES = 32;
/** How soon to ask again when the provider refused, in seconds. */
const RETRY_AFTER_REFUSAL_SECONDS = 5;

type ChallengeRow = Tables["challenges"];

type Refusal =
  | { readonly state: "blocked"; readonly blockedUntil: number }
  | { readonly state: "throttled"; readonly until: number }
  | { readonly state: "expired" };

/** What became of an answer; `judged` when its code was compared, and so counted. */
type Verdict =
  | Refusal
  | { readonly state: "wrong"; readonly judged: WrongCodeOutcome }
  | { readonly state: "right"; readonly signIn: SignIn }
  | { readonly state: "repeated"; readonly signIn: SignIn };

export const createAuth = (deps: AuthDeps): Auth => {
  const { database, numbers, sessions, audit, clock, random, newId, metrics, secret } = deps;
  const codeMac = deriveMac(secret, "code");
  const keyMac = deriveMac(secret, "session-key");

  // Derived, so that nothing stored gives it away, and a resend says the same.
  const codeOf = (challengeId: ChallengeId, sight: DeviceState, length: number): string => {
    const mac = codeMac(challengeId, sight.phone, sight.deviceKey, "sign-in", length);
    return String(mac.readBigUInt64BE() % 10n ** BigInt(length)).padStart(length, "0");
  };

  const challengeFor = async (tx: UnitOfWork, sight: DeviceState, request: CodeRequest) => {
    const { phone, deviceKey, now, standing } = sight;
    const refusal = refusalOf(sight);
    if (refusal) return refusal;
    const { codeLength } = standing;
    const live = await tx.first(queries.liveChallenge, { phone, deviceKey, now, codeLength });
    const challenge = live ?? {
      id: newId<ChallengeId>(now),
      code_length: codeLength,
      expires_at: now + CODE_TTL_MS,
    };
    const sendId = newId<string>(now);
    const decision = await numbers.reserveSend(tx, sight, {
      challengeId: challenge.id,
      sendId,
      ip: request.ip,
    });
    if (decision.state === "throttled") return decision;
    if (decision.state === "wait" && !live) return { state: "throttled", until: decision.resendAt } as const;
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
    const known = await tx.first(queries.phoneOfChallenge, { id, deviceKey });
    if (!known) return { state: "expired" };
    const { phone } = known;
    const sight = await numbers.lockAndLoad(tx, { phone, deviceKey, now });
    if (sight.standing.blockedUntil !== null)
      return { state: "blocked", blockedUntil: sight.standing.blockedUntil };

    // Read under the phone's lock: the answer that came a moment before may have used it.
    const challenge = await tx.first(queries.challenge, { id });
    if (!challenge) return { state: "expired" };
    const isRight = isEqualConstantTime(codeOf(id, sight, challenge.code_length), answer.code);
    if (challenge.used_at !== null) {
      const isRepeated =
        isRight &&
        answer.commandId !== null &&
        answer.commandId === challenge.used_by_command_id &&
        now - challenge.used_at < RETRY_WINDOW_MS;
      return isRepeated ? repeat(tx, challenge, sight) : { state: "expired" };
    }
    if (now >= challenge.expires_at) return { state: "expired" };
    const refusal = refusalOf(sight);
    if (refusal) return refusal;
    // The budget for codes of this length is spent: all that were sent are dead.
    if (challenge.code_length < sight.standing.codeLength) return { state: "expired" };
    if (isRight) return { state: "right", signIn: await signIn(tx, challenge, { answer, sight }) };

    const judged = await numbers.recordWrongCode(tx, sight, challenge.code_length);
    await audit.record(tx, { at: now, action: "sign-in.wrong-code", actor: "device", phone, ip });
    if (judged.state === "blocked") {
      await audit.record(tx, { at: now, action: "sign-in.blocked", actor: "device", phone, ip });
    }
    return { state: "wrong", judged };
  };

  const register: Auth["register"] = async (tx, { id, phone, now }) => {
    await tx.all(queries.insertUser, { id, phone, now });
    await tx.all(queries.insertProfile, { id, now });
    await deps.registered(tx, { id, phone });
  };

  const signIn = async (
    tx: UnitOfWork,
    challenge: ChallengeRow,
    { answer, sight }: { answer: CodeAnswer; sight: DeviceState },
  ): Promise<SignIn> => {
    const { phone, deviceKey, now } = sight;
    const found = await tx.first(queries.userByPhone, { phone });
    const user = found ?? { id: newId<UserId>(now), phone, created_at: now };
    const deletionUndone = found !== undefined && found.erase_at !== null;
    if (!found) await register(tx, { id: user.id, phone, now });
    if (deletionUndone) {
      await tx.all(queries.keepUser, { id: user.id });
      const actor: AuditActor = `user:${user.id}`;
      await audit.record(tx, { at: now, action: "account.deletion-undone", actor, userId: user.id, phone });
    }
    const { commandId } = answer;
    const token = commandId
      ? derivedKey(challenge, commandId)
      : Buffer.from(random(KEY_BYTES)).toString("base64url");
    const session = await sessions.open(tx, {
      userId: user.id,
      phone,
      deviceKey,
      key: token,
      deviceName: challenge.device_name,
      platform: challenge.platform,
      appVersion: challenge.app_version,
      now,
    });
    const isNewUser = found === undefined;
    await tx.all(queries.useChallenge, {
      id: challenge.id,
      at: now,
      commandId,
      sessionId: session.id,
      isNewUser: isNewUser ? 1 : 0,
      undidDeletion: deletionUndone ? 1 : 0,
    });
    await numbers.recordSignIn(tx, sight, challenge.id);
    return { token, session, user: { ...userToView(user), deletionUndone }, isNewUser };
  };

  const repeat = async (
    tx: UnitOfWork,
    challenge: ChallengeRow,
    { phone, now }: DeviceState,
  ): Promise<Verdict> => {
    const { session_id: sessionId, used_by_command_id: commandId } = challenge;
    const user = await tx.first(queries.userByPhone, { phone });
    const session = sessionId ? await sessions.live(tx, sessionId, now) : undefined;
    if (!user || !session || !commandId) return { state: "expired" };
    const token = derivedKey(challenge, commandId);
    const isNewUser = challenge.is_new_user === 1;
    const deletionUndone = challenge.undid_deletion === 1;
    return {
      state: "repeated",
      signIn: { token, session, user: { ...userToView(user), deletionUndone }, isNewUser },
    };
  };

  const derivedKey = ({ id, device_key: deviceKey }: ChallengeRow, commandId: CommandId): string =>
    keyMac(id, deviceKey, commandId).toString("base64url");

  return {
    requestCode: async (request) => {
      const now = clock.now();
      const deviceKey = sha256(request.deviceId);
      const booking = await database.write(async (tx) => {
        const sight = await numbers.lockAndLoad(tx, { phone: request.phone, deviceKey, now });
        return { sight, ...(await challengeFor(tx, sight, request)) };
      });
      if (!("challenge" in booking)) {
        metrics.codeRequested(booking.state === "blocked" ? "blocked" : "throttled");
        throw refusalToError(booking, now);
      }
      const { challenge, sendId, sight, resendAt } = booking;
      if (booking.state === "send") {
        const code = codeOf(challenge.id, sight, challenge.code_length);
        await deliver({ to: request.phone, code, id: sendId, at: now }, resendAt);
      } else {
        metrics.codeRequested("waiting");
      }
      return {
        challengeId: challenge.id,
        codeLength: challenge.code_length,
        expiresAt: challenge.expires_at,
        resendAt,
        attemptsRemaining: sight.standing.attemptsRemaining,
        serverNow: clock.now(),
      };
    },

    verifyCode: async (answer) => {
      const now = clock.now();
      // A wrong code is a verdict and not an error: thrown inside, it would undo its own count.
      const verdict = await database.write((tx) => judge(tx, answer, now));
      switch (verdict.state) {
        case "right":
          metrics.codeJudged("right");
          return verdict.signIn;
        case "repeated":
          return verdict.signIn;
        case "wrong":
          metrics.codeJudged("wrong");
          if (verdict.judged.state === "blocked") {
            metrics.deviceBlocked();
            throw refusalToError(verdict.judged, now);
          }
          throw new AppError("otp/incorrect", "This is not the code.", {
            attemptsRemaining: verdict.judged.attemptsRemaining,
          });
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

const refusalOf = ({ standing: { blockedUntil, pausedUntil } }: DeviceState): Refusal | undefined => {
  if (blockedUntil !== null) return { state: "blocked", blockedUntil };
  if (pausedUntil !== null) return { state: "throttled", until: pausedUntil };
  return undefined;
};

const refusalToError = (refusal: Refusal, now: number): AppError => {
  switch (refusal.state) {
    case "blocked": {
      const { blockedUntil } = refusal;
      return new AppError(
        "otp/blocked",
        "Too many wrong codes from this device. Wait and ask for a new one.",
        {
          blockedUntil,
          retryAfterSeconds: secondsUntil(blockedUntil, now),
          attemptsRemaining: 0,
        },
      );
    }
    case "throttled":
      return new AppError("otp/throttled", "No code can be sent to this number now.", {
        retryAfterSeconds: secondsUntil(refusal.until, now),
      });
    case "expired":
      return new AppError("otp/expired", "This code can no longer be used. Ask for a new one.");
  }
};

const userToView = (user: { id: UserId; phone: string; created_at: number }): UserView => ({
  id: user.id,
  phone: user.phone,
  createdAt: user.created_at,
});
