import { secondsUntil } from "../platform/clock.ts";
import { AppError } from "../platform/errors.ts";
import type { DeviceState } from "../numbers/numbers.ts";

/** The reason for which no code is sent or accepted. */
export type Refusal =
  | { readonly state: "blocked"; readonly blockedUntil: number }
  | { readonly state: "throttled"; readonly until: number }
  | { readonly state: "expired" };

/** Returns why a device may not ask for or enter a code now; `undefined` when it may. */
export const refusalOf = ({ status: { blockedUntil, pausedUntil } }: DeviceState): Refusal | undefined => {
  if (blockedUntil !== null) return { state: "blocked", blockedUntil };
  if (pausedUntil !== null) return { state: "throttled", until: pausedUntil };
  return undefined;
};

/** Converts a refusal to `otp/blocked`, `otp/throttled` or `otp/expired`. */
export const refusalToError = (refusal: Refusal, now: number): AppError => {
  switch (refusal.state) {
    case "blocked": {
      const { blockedUntil } = refusal;
      return new AppError(
        "otp/blocked",
        "Too many wrong codes from this device. Wait and ask for a new one.",
        {
          blockedUntil,
          retryAfterSeconds: secondsUntil(blockedUntil, now),
          attemptsRemaining: 0,
        },
      );
    }
    case "throttled":
      return new AppError("otp/throttled", "No code can be sent to this number now.", {
        retryAfterSeconds: secondsUntil(refusal.until, now),
      });
    case "expired":
      return new AppError("otp/expired", "This code can no longer be used. Ask for a new one.");
  }
};
