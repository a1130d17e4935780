import type { Clock } from "../runtime/clock.ts";

/** The time between two probes, in milliseconds. */
const PROBE_INTERVAL_MS = 60_000;
const PROBE_TIMEOUT_MS = 5_000;

/**
 * Creates a check whether the server answers but does not allow the page's origin. Browsers report both a refused origin (CORS)
 * and an unreachable server as the same error. A `no-cors` request tells them apart: it succeeds whenever any server answers,
 * although the page cannot read the answer. Only pages in a browser have an origin; everywhere else the check returns `false`.
 * It sends at most one request a minute and never throws.
 */
export const createOriginCheck = ({
  url,
  fetch,
  clock,
  closed,
}: {
  readonly url: string;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly closed: AbortSignal | undefined;
}): (() => Promise<boolean>) => {
  let last: { readonly at: number; readonly isRefused: Promise<boolean> } | undefined;
  const probe = async (): Promise<boolean> => {
    const aborted = new AbortController();
    const abort = (): void => aborted.abort();
    const cancel = clock.after(PROBE_TIMEOUT_MS, abort);
    closed?.addEventListener("abort", abort);
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
      cancel();
      closed?.removeEventListener("abort", abort);
    }
  };
  return async () => {
    // React Native and Node.js have no `location`.
    const page: string | undefined = globalThis.location?.origin;
    if (!page || closed?.aborted || url.startsWith(`${page}/`) || url === page) return false;
    const now = clock.now();
    if (!last || Math.abs(now - last.at) >= PROBE_INTERVAL_MS) last = { at: now, isRefused: probe() };
    return last.isRefused;
  };
};
