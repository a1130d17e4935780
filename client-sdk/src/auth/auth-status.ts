import type { ChallengeId, CommandId, SessionId, UserId } from "@edvoyage/protocol";
import type { ServerReason } from "../runtime/errors.ts";

/** The student whose data this device shows. */
export interface Student {
  readonly id: UserId;
  /** E.164. */
  readonly phone: string;
}

/** The reason why a session has ended. */
export type SessionEndReason = Extract<ServerReason, `session/${string}`>;

/** Who is signed in on this device, as the server last reported it. */
export type Membership =
  | { readonly state: "signedOut"; readonly student: null }
  | { readonly state: "signedIn"; readonly student: Student; readonly sessionId: SessionId }
  /** The data can still be read; changes are stored and sent after the student's next sign-in. */
  | { readonly state: "expired"; readonly student: Student; readonly reason: SessionEndReason };

/** A sign-in in progress. The previous student stays signed in until it succeeds. */
export type SignInProgress =
  | {
      readonly state: "codeSent";
      readonly phone: string;
      /** The number of digits of the code: 6, or 8 after many wrong codes. */
      readonly codeLength: number;
      readonly attemptsRemaining: number;
      /** When the code expires. */
      readonly expiresAt: number;
      /** Requests before this instant do not send another message. */
      readonly resendAt: number;
    }
  | {
      readonly state: "blocked";
      readonly phone: string;
      /** When this device may try this number again: set by the server, converted to this device's clock. */
      readonly blockedUntil: number;
    };

/**
 * The state of signing in. Instants are epoch milliseconds of this device's clock, even if that clock is wrong: only their
 * distance from now comes from the server.
 */
export type AuthStatus =
  | Membership
  | (SignInProgress & {
      /** The student who is signed in, or whose session has ended, while another sign-in is in progress. */
      readonly student: Student | null;
    });

/** The stored form of a sign-in in progress. */
export type StoredProgress =
  | (Extract<SignInProgress, { state: "codeSent" }> & {
      readonly challengeId: ChallengeId;
      /** The same for every answer to this challenge: if a response was lost, the server takes the retry as the same try. */
      readonly commandId: CommandId;
      /** The codes that the server has called wrong. They are not sent again. */
      readonly wrongCodes?: readonly string[];
      /** When it was written, on the device's clock. */
      readonly at: number;
    })
  | (Extract<SignInProgress, { state: "blocked" }> & { readonly at: number });

/** Returns when a sign-in in progress ends by itself. */
export const endOf = (progress: StoredProgress): number =>
  progress.state === "blocked" ? progress.blockedUntil : progress.expiresAt;

/**
 * Returns a sign-in in progress as it is at an instant; `undefined` when it has ended. If the clock was set back, all instants
 * move with it, so the sign-in never lasts longer than at the start.
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

/** Combines membership and sign-in into the status that apps see. */
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
