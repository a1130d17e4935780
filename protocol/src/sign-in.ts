/** How long a sign-in code is valid after it was first sent, in milliseconds. ASVS 5.0 6.5.5 allows ten minutes. */
export const CODE_TTL_MS = 5 * 60_000;

/** A session ends this long after its last activity, in milliseconds. */
export const SESSION_IDLE_MS = 24 * 3_600_000;

/** A session ends this long after its sign-in, even if it is active, in milliseconds (NIST SP 800-63B AAL1: 30 days). */
export const SESSION_LIFETIME_MS = 30 * 24 * 3_600_000;

/** The format of a `deviceId`: 22 to 64 URL-safe characters with at least 128 random bits, created once per installation. */
export const DEVICE_ID_PATTERN = /^[A-Za-z0-9_-]{22,64}$/;

/** The platforms that a device can name. */
export const PLATFORMS = ["ios", "android", "web", "other"] as const;
/** The platform of a device. */
export type Platform = (typeof PLATFORMS)[number];

/**
 * The header with the session id that the client expects; the server refuses a request whose key belongs to another
 * session.
 */
export const SESSION_HEADER = "x-edvoyage-session";
