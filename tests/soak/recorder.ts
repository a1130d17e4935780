/** A `fetch` that remembers how each request was answered. */
export interface Recorder {
  readonly fetch: typeof fetch;
  /** How many answers had which status. */
  statuses(): ReadonlyMap<string, number>;
  /** Answers with 429 or 503 without `Retry-After`. */
  withoutRetryAfter(): number;
  /** Requests that ended without an answer. */
  unanswered(): number;
  /** When the first procedure was answered with 200 whose request began after an instant of `performance.now()`. */
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
