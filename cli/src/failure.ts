import { isUnreachable, refusalOf } from "@edvoyage/client-sdk/rpc";
import type { Reason } from "@edvoyage/server";
import { EXIT, reasonToExitCode, type ExitCode, type FailureReason } from "./exit-code.ts";

/** A failure that this program detects itself, with the reason that the server would give. */
export class CommandError extends Error {
  readonly reason: FailureReason;
  /** Hints for the user, one line each. */
  readonly hints: readonly string[];
  readonly details: Readonly<Record<string, unknown>>;
  readonly exitCode: ExitCode;

  constructor(
    reason: FailureReason,
    message: string,
    options: {
      readonly hints?: readonly string[];
      readonly details?: Readonly<Record<string, unknown>>;
      /** Default: the exit code of the reason. */
      readonly exitCode?: ExitCode;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = "CommandError";
    this.reason = reason;
    this.hints = options.hints ?? [];
    this.details = options.details ?? {};
    this.exitCode = options.exitCode ?? reasonToExitCode(reason);
  }
}

/** A failure as it is reported, with the exit code of the program. */
export interface Failure {
  readonly reason: FailureReason;
  /** Says what happened. */
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** Hints for the user, one line each. */
  readonly hints: readonly string[];
  readonly exitCode: ExitCode;
}

/** The context of a failure, for its hints. */
export interface FailureScene {
  readonly url: string;
  /** The hint for an admin token that is refused. */
  readonly tokenAdvice: string;
  /** The command's own hints, by reason. */
  readonly hints: Partial<Readonly<Record<Reason, string>>>;
}

/** Converts any thrown error to a failure for a person or a script. There is no other way. */
export const errorToFailure = (error: unknown, scene: FailureScene): Failure => {
  if (error instanceof CommandError) {
    const { reason, message, details, hints, exitCode } = error;
    return { reason, message, details, hints, exitCode };
  }
  const refusal = refusalOf(error);
  if (refusal) {
    const { reason, message, details } = refusal;
    return {
      reason,
      message,
      details,
      hints: refusalToHints(refusal, scene),
      exitCode: reasonToExitCode(reason),
    };
  }
  if (error instanceof Error && isUnreachable(error))
    return errorToFailure(unreachable(error.cause, scene.url), scene);
  if (isSystemError(error)) {
    return {
      reason: "failed",
      message: error.message,
      details: { code: error.code },
      hints: [],
      exitCode: EXIT.failed,
    };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  // The server does not report its own errors to clients.
  const serverHints =
    error instanceof Error && error.name === "TRPCClientError"
      ? ["The error is in the server: its log says more."]
      : [];
  return {
    reason: "bug",
    message: stack,
    details: {},
    hints: ["This is a bug.", ...serverHints],
    exitCode: EXIT.failed,
  };
};

const refusalToHints = (
  { reason, details }: { readonly reason: Reason; readonly details: object },
  { tokenAdvice, hints }: FailureScene,
): string[] => {
  const commandHint = hints[reason];
  if (commandHint) return [commandHint];
  if (reasonToExitCode(reason) === EXIT.notAllowed) return [tokenAdvice];
  if (reason === "phone/invalid") return [`Quote it when it has spaces: "+44 7400 123456".`];
  if ("retryAfterSeconds" in details) return [`Try again in ${String(details.retryAfterSeconds)} s.`];
  if ("issues" in details && Array.isArray(details.issues)) {
    const issues: readonly { readonly path: string; readonly message: string }[] = details.issues;
    return issues.map(({ path, message }) => (path ? `${path}: ${message}` : message));
  }
  return [];
};

/** Returns the error for a call that the server did not answer, with as much as the cause tells. */
export const unreachable = (cause: unknown, url: string): CommandError => {
  const start = "Start the server with npm start, or use --db if no server runs.";
  const unavailable = (message: string, hint: string) =>
    new CommandError("server/unavailable", message, { hints: [hint], details: { url }, cause });
  // A fetch without any answer throws a TypeError whose cause is the system error.
  if (cause instanceof TypeError) {
    const code = isSystemError(cause.cause) ? ` (${cause.cause.code})` : "";
    return unavailable(`No server answered at ${url}${code}.`, start);
  }
  if (cause instanceof Error && cause.name === "TimeoutError") {
    return unavailable(`The server at ${url} did not answer in time.`, "Read its log.");
  }
  return unavailable(
    `Something answered at ${url}, but it is no EdVoyage server.`,
    "Name the server with --url.",
  );
};

/** Returns whether it is a system error, such as a missing permission, which its message explains. */
const isSystemError = (error: unknown): error is Error & { readonly code: string } =>
  error instanceof Error &&
  "code" in error &&
  typeof error.code === "string" &&
  // Node's own codes, ERR_…, are bugs in this program.
  /^(?!ERR_)[A-Z][A-Z0-9_]+$/.test(error.code);
