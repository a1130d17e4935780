const SECONDS = /^\d+$/;
/** An instant in the form that every sender must use (RFC 9110, 5.6.7). */
const HTTP_DATE = /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/;

/**
 * Returns the seconds that an answer asks to wait, in its `Retry-After` header: a number, or a date (RFC 9110, 10.2.3). At
 * least 0 and at most `maxSeconds`; `undefined` without a valid header. A date is compared with the answer's own `Date`, because
 * the device's clock (`now`, epoch milliseconds) may be wrong; browsers hide that header from pages of other origins.
 */
export const retryAfterSecondsOf = (
  { headers }: Pick<Response, "headers">,
  { now, maxSeconds }: { readonly now: number; readonly maxSeconds: number },
): number | undefined => {
  const text = headers.get("retry-after")?.trim() ?? "";
  const seconds = SECONDS.test(text)
    ? Number(text)
    : Math.ceil((dateToMs(text) - (dateToMs(headers.get("date") ?? "") || now)) / 1_000);
  return Number.isNaN(seconds) ? undefined : Math.min(maxSeconds, Math.max(0, seconds));
};

/** Returns epoch milliseconds; `NaN` for a text that is not a date. */
const dateToMs = (text: string): number => (HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN);
