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

/** The name of an exit code in this program's code. */
export type ExitName = keyof typeof EXIT;

/** The meaning of each exit code, for the help of the program and for its page. */
export const EXIT_MEANINGS: Readonly<Record<ExitName, string>> = {
  done: "done",
  failed: "failed; the message says why",
  usage: "a wrong option, argument or file, or no confirmation",
  notFound: "not found",
  notAllowed: "not allowed, for example because the admin token is wrong",
  conflict: "a conflict with the current state, for example --db while a server runs",
  unreachable: "the server or the database cannot be reached",
  interrupted: "interrupted by Ctrl-C",
};

/** Returns exit codes with a meaning each, in the order of the codes. */
export const exitsToRows = (
  meanings: Partial<Readonly<Record<ExitName, string>>>,
): readonly (readonly [code: ExitCode, meaning: string])[] =>
  Object.keys(EXIT).flatMap((name) => {
    const meaning = isExitName(name) ? meanings[name] : undefined;
    return isExitName(name) && meaning !== undefined ? [[EXIT[name], meaning] as const] : [];
  });

const isExitName = (name: string): name is ExitName => Object.hasOwn(EXIT, name);

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
  "session/unknown": EXIT.notAllowed,
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
