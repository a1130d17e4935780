const MAX_RETRY_AFTER_MS = 3_600_000;

/**
 * Returns how many milliseconds a service asks to wait before a retry (RFC 9110, 10.2.3), at most an hour; `undefined` when
 * it does not say.
 */
export const retryAfterOf = ({ headers, status }: Response): number | undefined => {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  if (Number.isFinite(seconds) && seconds >= 0) return Math.min(MAX_RETRY_AFTER_MS, seconds * 1_000);
  // FCM's own default for a 429 without the header: https://firebase.google.com/docs/cloud-messaging/scale-fcm
  return status === 429 ? 60_000 : undefined;
};
