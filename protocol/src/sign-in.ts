import type { UserView } from "./account.ts";
import type { ChallengeId } from "./ids.ts";
import type { Platform, SessionView } from "./sessions.ts";

/** How long a sign-in code is valid after it was first sent, in milliseconds. ASVS 5.0 6.5.5 allows ten minutes. */
export const CODE_TTL_MS = 5 * 60_000;

/** Characters that people write between the digits of a code. */
export const CODE_SEPARATORS = /[\s-]/g;
/** A code without separators. */
export const CODE_PATTERN = /^\d{6,8}$/;

/**
 * A phone number in international form: a plus and digits, with the separators that people write: spaces, hyphens, dots, brackets
 * and slashes. At most 32 characters.
 */
export const INTERNATIONAL_PHONE = /^\+[\d\s().\-/\u00a0\u2010-\u2015]{1,31}$/;
/** The same, or a number as people write it in its own country. At least three digits. */
export const WRITTEN_PHONE = /^(?=.{1,32}$)(?=(?:\D*\d){3})\+?[\d\s().\-/\u00a0\u2010-\u2015]+$/s;

/** The format of a `deviceId`: 22 to 64 URL-safe characters with at least 128 random bits, created once per installation. */
export const DEVICE_ID_PATTERN = /^[A-Za-z0-9_-]{22,64}$/;

/** The app's description of itself, shown to admins and to the student in lists of sessions. */
export interface AppDescription {
  readonly deviceName?: string | undefined;
  readonly platform?: Platform | undefined;
  readonly appVersion?: string | undefined;
}

/** A challenge as a device needs it to ask for the code. It is the same for registered and unregistered numbers. */
export interface Challenge {
  readonly challengeId: ChallengeId;
  /** The number of digits of the code: 6, or 8 after many wrong codes. */
  readonly codeLength: number;
  readonly expiresAt: number;
  /** Before this instant, another request sends no message. */
  readonly resendAt: number;
  readonly attemptsRemaining: number;
  readonly serverNow: number;
}

/** A signed-in device. */
export interface SignIn {
  /** The session's key: 43 characters, base64url. The server stores only its hash. */
  readonly token: string;
  readonly session: SessionView;
  readonly user: UserView & {
    /** Whether this sign-in cancelled a pending deletion of the account. */
    readonly deletionUndone: boolean;
  };
  readonly isNewUser: boolean;
}
