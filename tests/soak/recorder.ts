/** A `fetch` that records how each request was answered. */
export interface Recorder {
  readonly fetch: typeof fetch;
  /** Returns how many answers had each status. */
  statuses(): ReadonlyMap<string, number>;
  /** Returns how many answers with 429 or 503 had no `Retry-After`. */
  withoutRetryAfter(): number;
  /** Returns how many requests ended without an answer. */
  unanswered(): number;
  /**
   * Returns the time of the first answer with 200 to a procedure call that started after `since` (`performance.now()`).
   */
  firstSuccessSince(since: number): number | undefined;
}

interface Success {
  readonly startedAt: number;
  readonly endedAt: number;
}

export const createRecorder = (): Recorder => {
  const countByStatus = new Map<string, number>();
  const successes: Success[] = [];
  let withoutRetryAfter = 0;
  let unanswered = 0;
  return {
    fetch: async (input, init) => {
      const startedAt = performance.now();
      try {
        const response = await fetch(input, init);
        const status = String(response.status);
        countByStatus.set(status, (countByStatus.get(status) ?? 0) + 1);
        const mustSayWhen = response.status === 429 || response.status === 503;
        if (mustSayWhen && response.headers.get("retry-after") === null) withoutRetryAfter += 1;
        if (response.ok && new URL(response.url).pathname.startsWith("/trpc/"))
          successes.push({ startedAt, endedAt: performance.now() });
        return response;
      } catch (error) {
        unanswered += 1;
        throw error;
      }
    },
    statuses: () => countByStatus,
    withoutRetryAfter: () => withoutRetryAfter,
    unanswered: () => unanswered,
    firstSuccessSince: (since) => {
      const ends = successes.filter(({ startedAt }) => startedAt >= since).map(({ endedAt }) => endedAt);
      return ends.length > 0 ? Math.min(...ends) : undefined;
    },
  };
};
