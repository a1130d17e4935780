import type { SessionId } from "./ids.ts";

/** A session ends this long after its last activity, in milliseconds. */
export const SESSION_IDLE_MS = 24 * 3_600_000;

/** A session ends this long after its sign-in, even if it is active, in milliseconds (NIST SP 800-63B AAL1: 30 days). */
export const SESSION_LIFETIME_MS = 30 * 24 * 3_600_000;

const SESSION_KEY = /^[A-Za-z0-9_-]{43}$/;

/** Returns whether a text has the form of a session key: 256 random bits in base64url. */
export const isSessionKey = (text: string): boolean => SESSION_KEY.test(text);

/** The platforms that a device can name. */
export const PLATFORMS = ["ios", "android", "web", "other"] as const;
/** The platform of a device. */
export type Platform = (typeof PLATFORMS)[number];

/**
 * The header with the session id that the client expects; the server refuses a request whose key belongs to another
 * session.
 */
export const SESSION_HEADER = "x-edvoyage-session";

/** A session as its student sees it. Instants are on the server's clock. */
export interface SessionView {
  readonly id: SessionId;
  readonly deviceName: string | null;
  readonly platform: Platform;
  readonly appVersion: string | null;
  readonly createdAt: number;
  /** Accurate to one minute. */
  readonly lastSeenAt: number;
  /** When it expires if it is not used again: 24 hours after its last use, at most 30 days after its sign-in. */
  readonly expiresAt: number;
}

/** A session in its student's list of signed-in devices. */
export interface Session extends SessionView {
  /** Whether it is the session of the caller. */
  readonly isCurrent: boolean;
}
