import type { Reason } from "@edvoyage/server";

/** How a command ends, for scripts. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  notAllowed: 4,
  conflict: 5,
  unreachable: 6,
  interrupted: 130,
} as const;

/** One of them. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Why a command failed: the server's reason, or one that only this program knows. */
export type FailureReason = Reason | "failed" | "bug" | "interrupted";

const exitCodeByReason: Readonly<Record<FailureReason, ExitCode>> = {
  failed: EXIT.failed,
  bug: EXIT.failed,
  interrupted: EXIT.interrupted,
  "otp/incorrect": EXIT.failed,
  "otp/blocked": EXIT.failed,
  "otp/expired": EXIT.failed,
  "otp/throttled": EXIT.failed,
  "phone/invalid": EXIT.usage,
  "phone/country-not-served": EXIT.failed,
  "sms/failed": EXIT.failed,
  "session/required": EXIT.notAllowed,
  "session/expired": EXIT.notAllowed,
  "session/revoked": EXIT.notAllowed,
  "session/not-fresh": EXIT.notAllowed,
  "input/invalid": EXIT.usage,
  "not-found": EXIT.notFound,
  forbidden: EXIT.notAllowed,
  conflict: EXIT.conflict,
  "limit/reached": EXIT.conflict,
  "rate/limited": EXIT.failed,
  "storage/full": EXIT.failed,
  "server/unavailable": EXIT.unreachable,
};

/** How a command ends that failed for a reason; 1 for one that a newer server knows and this program does not. */
export const reasonToExitCode = (reason: FailureReason): ExitCode => exitCodeByReason[reason] ?? EXIT.failed;
