import type { Reason } from "@edvoyage/server";

/** The exit codes of a command, for scripts. */
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

/** An exit code of a command. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Why a command failed: the server's reason, or one of this program's own. */
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

/** Returns the exit code for a reason. Default, for a reason that only a newer server knows: 1. */
export const reasonToExitCode = (reason: FailureReason): ExitCode => exitCodeByReason[reason] ?? EXIT.failed;
