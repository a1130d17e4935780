import type { ChallengeId, CommandId, SessionId, UserId } from "@edvoyage/protocol";
import type { ServerReason } from "../runtime/errors.ts";

/** Whose data this device shows. */
export interface Student {
  readonly id: UserId;
  /** E.164. */
  readonly phone: string;
}

/** Why a session is over. */
export type SessionEndReason = Extract<ServerReason, `session/${string}`>;

/** Who is signed in on this device, as the server last said it. */
export type Membership =
  | { readonly state: "signedOut"; readonly student: null }
  | { readonly state: "signedIn"; readonly student: Student; readonly sessionId: SessionId }
  /** Her data is still here to be read, and what she writes is kept for her next sign-in. */
  | { readonly state: "expired"; readonly student: Student; readonly reason: SessionEndReason };

/** A sign-in that has begun. Whoever was signed in before stays so until it succeeds. */
export type SignInProgress =
  | {
      readonly state: "codeSent";
      readonly phone: string;
      /** Digits of the code: 6, or 8 after many wrong ones. */
      readonly codeLength: number;
      readonly attemptsRemaining: number;
      /** When the code stops working. */
      readonly expiresAt: number;
      /** Before it, asking again sends no other message. */
      readonly resendAt: number;
    }
  | {
      readonly state: "blocked";
      readonly phone: string;
      /** When this device may try this number again: the server's word, on this device's clock. */
      readonly blockedUntil: number;
    };

/**
 * How far signing in has come. Instants are epoch milliseconds of this device's clock, however wrong it is: their
 * distance from now is what the server said.
 */
export type AuthStatus =
  | Membership
  | (SignInProgress & {
      /** Who is signed in, or was until her session ended, while another sign-in goes on. */
      readonly student: Student | null;
    });

/** What is kept of a sign-in that has begun. */
export type StoredProgress =
  | (Extract<SignInProgress, { state: "codeSent" }> & {
      readonly challengeId: ChallengeId;
      /** The same for every answer to this challenge: one whose reply was lost gets the same key again. */
      readonly commandId: CommandId;
      /** When it was written, by the device's clock. */
      readonly at: number;
    })
  | (Extract<SignInProgress, { state: "blocked" }> & { readonly at: number });

/** When a progress is over by itself. */
export const endOf = (progress: StoredProgress): number =>
  progress.state === "blocked" ? progress.blockedUntil : progress.expiresAt;

/**
 * What is left of a progress at an instant; `undefined` when it is over. A clock that was put back does not make it
 * longer than it was in the beginning: all its instants move with the clock.
 */
export const progressAt = (progress: StoredProgress, now: number): StoredProgress | undefined => {
  const moved = now < progress.at ? moveBy(progress, now - progress.at) : progress;
  return endOf(moved) > now ? moved : undefined;
};

const moveBy = (progress: StoredProgress, ms: number): StoredProgress =>
  progress.state === "blocked"
    ? { ...progress, at: progress.at + ms, blockedUntil: progress.blockedUntil + ms }
    : {
        ...progress,
        at: progress.at + ms,
        expiresAt: progress.expiresAt + ms,
        resendAt: progress.resendAt + ms,
      };

/** What an app is shown. */
export const toStatus = (membership: Membership, progress: StoredProgress | undefined): AuthStatus => {
  if (!progress) return membership;
  const { student } = membership;
  if (progress.state === "blocked") {
    const { phone, blockedUntil } = progress;
    return { state: "blocked", student, phone, blockedUntil };
  }
  const { phone, codeLength, attemptsRemaining, expiresAt, resendAt } = progress;
  return { state: "codeSent", student, phone, codeLength, attemptsRemaining, expiresAt, resendAt };
};
