/** A rate limit: allows `burst` actions at once, and `perSecond` in the long run. */
export interface TokenBucket {
  /** Takes one token; returns `false` if none is left. */
  take(now: number): boolean;
}

/** Creates a full bucket of `burst` tokens; it gets `perSecond` new ones each second. */
export const createTokenBucket = (perSecond: number, burst: number): TokenBucket => {
  let tokens = burst;
  let filledAt: number | undefined;
  return {
    take: (now) => {
      // A clock that was set back neither adds nor removes tokens.
      const elapsedMs = Math.max(0, now - (filledAt ?? now));
      filledAt = now;
      tokens = Math.min(burst, tokens + (elapsedMs * perSecond) / 1000);
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
};
