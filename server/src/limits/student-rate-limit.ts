import type { UserId } from "@edvoyage/protocol";
import { secondsUntil, type Clock } from "../platform/clock.ts";
import { AppError } from "../platform/errors.ts";

/** How fast a student may do a thing, on this node. */
export interface StudentRateLimit {
  /** Takes one of her tokens. Throws `rate/limited`. */
  take(userId: UserId): void;
}

/**
 * A bucket of `burst` tokens for each student, refilled with `perSecond`. Memory holds those who did it within the time
 * in which an empty bucket fills, and nobody else.
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
  /** When each student's bucket is full again, in the order in which they last took one. */
  const fullAtByUser = new Map<UserId, number>();

  let newest = 0;
  let behindMs = 0;
  /** The clock's time, but never going back: a clock that is put back must not make every student wait until it has caught up. */
  const monotonicNow = (): number => {
    const now = clock.now() + behindMs;
    if (now < newest) behindMs += newest - now;
    newest = Math.max(newest, now);
    return newest;
  };

  const forgetFull = (now: number): void => {
    for (const [userId, fullAt] of fullAtByUser) {
      if (fullAt > now) return;
      fullAtByUser.delete(userId);
    }
  };

  return {
    take: (userId) => {
      const now = monotonicNow();
      forgetFull(now);
      const fullAt = Math.max(now, fullAtByUser.get(userId) ?? now) + msPerToken;
      const allowedAt = fullAt - burst * msPerToken;
      if (allowedAt > now) {
        throw new AppError("rate/limited", "Too much at once. Wait a moment.", {
          retryAfterSeconds: secondsUntil(allowedAt, now),
        });
      }
      fullAtByUser.delete(userId);
      fullAtByUser.set(userId, fullAt);
    },
  };
};
