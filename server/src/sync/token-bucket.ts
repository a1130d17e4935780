/** Allows so many acts at once, and so many a second in the long run. */
export interface TokenBucket {
  /** Takes one; returns whether there was one. */
  take(now: number): boolean;
  /** Milliseconds until there is one again; 0 when there is. */
  waitMs(now: number): number;
}

/** A full bucket of `burst` tokens that gets `perSecond` new ones a second. */
export const createTokenBucket = (perSecond: number, burst: number): TokenBucket => {
  let tokens = burst;
  let filledAt: number | undefined;
  const fill = (now: number): void => {
    // A clock that was set back gives nothing and takes nothing.
    const elapsedMs = Math.max(0, now - (filledAt ?? now));
    tokens = Math.min(burst, tokens + (elapsedMs * perSecond) / 1000);
    filledAt = now;
  };
  return {
    take: (now) => {
      fill(now);
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    waitMs: (now) => {
      fill(now);
      return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) * 1000) / perSecond);
    },
  };
};
