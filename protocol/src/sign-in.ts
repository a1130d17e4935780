/** How long a sign-in code lives after it was first sent, in milliseconds. ASVS 5.0 6.5.5 allows ten minutes. */
export const CODE_TTL_MS = 5 * 60_000;

/** A session ends this long after its last activity, in milliseconds. */
export const SESSION_IDLE_MS = 24 * 3_600_000;

/** A session ends this long after its sign-in, however active, in milliseconds (NIST SP 800-63B AAL1: 30 days). */
export const SESSION_LIFETIME_MS = 30 * 24 * 3_600_000;

/** What a `deviceId` looks like: 22 to 64 URL-safe characters, at least 128 random bits, made once per installation. */
export const DEVICE_ID_PATTERN = /^[A-Za-z0-9_-]{22,64}$/;

/** The platforms a device may name. */
export const PLATFORMS = ["ios", "android", "web", "other"] as const;
/** The platform of a device. */
export type Platform = (typeof PLATFORMS)[number];

/** Names the session that a request believes in; a mismatch with the key is refused. */
export const SESSION_HEADER = "x-edvoyage-session";
