/** Allows so many acts at once, and so many a second in the long run. */
export interface TokenBucket {
  /** Takes one; returns whether there was one. */
  take(now: number): boolean;
}

/** A full bucket of `burst` tokens that gets `perSecond` new ones a second. */
export const createTokenBucket = (perSecond: number, burst: number): TokenBucket => {
  let tokens = burst;
  let filledAt: number | undefined;
  return {
    take: (now) => {
      // A clock that was set back gives nothing and takes nothing.
      const elapsedMs = Math.max(0, now - (filledAt ?? now));
      filledAt = now;
      tokens = Math.min(burst, tokens + (elapsedMs * perSecond) / 1000);
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
};
