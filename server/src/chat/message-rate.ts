import type { Limits, UserId } from "@edvoyage/protocol";
import { secondsUntil, type Clock } from "../clock.ts";
import { AppError } from "../errors.ts";

/** How fast a student may write, on this node. */
export interface MessageRate {
  /** Takes one of her tokens. Throws `rate/limited`. */
  take(userId: UserId): void;
}

/**
 * A bucket of `messageBurst` tokens for each student, refilled with `messagesPerSecond`. Memory holds those who wrote
 * within the time in which an empty bucket fills, and nobody else.
 */
export const createMessageRate = ({
  clock,
  limits: { messagesPerSecond, messageBurst },
}: {
  readonly clock: Clock;
  readonly limits: Pick<Limits, "messagesPerSecond" | "messageBurst">;
}): MessageRate => {
  const msPerToken = 1000 / messagesPerSecond;
  /** When each student's bucket is full again, in the order in which they last wrote. */
  const fullAtByUser = new Map<UserId, number>();

  const forgetFull = (now: number): void => {
    for (const [userId, fullAt] of fullAtByUser) {
      if (fullAt > now) return;
      fullAtByUser.delete(userId);
    }
  };

  return {
    take: (userId) => {
      const now = clock.now();
      forgetFull(now);
      const fullAt = Math.max(now, fullAtByUser.get(userId) ?? now) + msPerToken;
      const allowedAt = fullAt - messageBurst * msPerToken;
      if (allowedAt > now) {
        throw new AppError("rate/limited", "Too many messages at once. Wait a moment.", {
          retryAfterSeconds: secondsUntil(allowedAt, now),
        });
      }
      fullAtByUser.delete(userId);
      fullAtByUser.set(userId, fullAt);
    },
  };
};
