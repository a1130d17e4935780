/** The time between two probes of a server, in milliseconds. */
const PROBE_INTERVAL_MS = 60_000;
const PROBE_TIMEOUT_MS = 5_000;

/**
 * Creates a check whether a server answers but does not allow the page's origin. Browsers report both a refused origin (CORS) and an
 * unreachable server as the same error. A `no-cors` request tells them apart: it succeeds whenever any server answers, although the
 * page cannot read the answer. The check sends at most one request a minute and never rejects. Where pages have no origin, it sends
 * none and returns `false`.
 */
export const createOriginCheck = (): ((url: string) => Promise<boolean>) => {
  let last: { readonly at: number; readonly isRefused: Promise<boolean> } | undefined;
  return async (url) => {
    const page: string | undefined = globalThis.location?.origin;
    if (!page || `${url}/`.startsWith(`${page}/`)) return false;
    const now = Date.now();
    if (!last || Math.abs(now - last.at) >= PROBE_INTERVAL_MS) last = { at: now, isRefused: probe(url) };
    return last.isRefused;
  };
};

const probe = async (url: string): Promise<boolean> => {
  const aborted = new AbortController();
  const timer = setTimeout(() => aborted.abort(), PROBE_TIMEOUT_MS);
  try {
    const { type } = await fetch(`${url}/healthz`, {
      mode: "no-cors",
      credentials: "omit",
      cache: "no-store",
      signal: aborted.signal,
    });
    // The browser hides the answer. A platform that shows it has no such rule.
    return type === "opaque";
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
};
