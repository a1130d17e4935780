import type { UserId } from "@edvoyage/protocol";
import { secondsUntil, type Clock } from "../platform/clock.ts";
import { AppError } from "../platform/errors.ts";

/** A rate limit for each student on one action, counted on this node only. */
export interface StudentRateLimit {
  /** Takes one of the student's tokens. Throws `rate/limited`. */
  take(userId: UserId): void;
}

/**
 * A token bucket for each student: `burst` tokens, refilled at `perSecond`. Memory holds only students whose bucket is not full
 * yet.
 */
export const createStudentRateLimit = ({
  clock,
  perSecond,
  burst,
}: {
  readonly clock: Clock;
  readonly perSecond: number;
  readonly burst: number;
}): StudentRateLimit => {
  const msPerToken = 1000 / perSecond;
  /** The time at which each student's bucket is full again, in the order in which they last took a token. */
  const fullAtByUser = new Map<UserId, number>();

  const forgetFull = (now: number): void => {
    for (const [userId, fullAt] of fullAtByUser) {
      if (fullAt > now) return;
      fullAtByUser.delete(userId);
    }
  };

  return {
    take: (userId) => {
      const now = clock.monotonicNow();
      forgetFull(now);
      const fullAt = Math.max(now, fullAtByUser.get(userId) ?? now) + msPerToken;
      const allowedAt = fullAt - burst * msPerToken;
      if (allowedAt > now) {
        throw new AppError("rate/limited", "Too many requests at once. Wait a moment.", {
          retryAfterSeconds: secondsUntil(allowedAt, now),
        });
      }
      fullAtByUser.delete(userId);
      fullAtByUser.set(userId, fullAt);
    },
  };
};
