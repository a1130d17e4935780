import { isUnreachable, refusalOf } from "@edvoyage/client-sdk/rpc";
import type { Reason } from "@edvoyage/server";
import { EXIT, reasonToExitCode, type ExitCode, type FailureReason } from "./exit-code.ts";

/** A failure that this program finds itself, with the reason that the server would give. */
export class CommandError extends Error {
  readonly reason: FailureReason;
  /** What to do about it, a line each. */
  readonly hints: readonly string[];
  readonly details: Readonly<Record<string, unknown>>;
  readonly exitCode: ExitCode;

  constructor(
    reason: FailureReason,
    message: string,
    options: {
      readonly hints?: readonly string[];
      readonly details?: Readonly<Record<string, unknown>>;
      /** The reason's own unless told. */
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

/** What is told of a failure, and how the program ends. */
export interface Failure {
  readonly reason: FailureReason;
  /** What happened. */
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** What to do, a line each. */
  readonly hints: readonly string[];
  readonly exitCode: ExitCode;
}

/** What a failure's words are made from. */
export interface FailureScene {
  readonly url: string;
  /** What to do about an admin token that is refused. */
  readonly tokenAdvice: string;
  /** The command's own advice. */
  readonly hints: Partial<Readonly<Record<Reason, string>>>;
}

/** The only way from something thrown to what a person or a script is told. */
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
  // A server keeps to itself what is wrong with it.
  const whose =
    error instanceof Error && error.name === "TRPCClientError"
      ? ["It is the server's: its log says more."]
      : [];
  return {
    reason: "bug",
    message: stack,
    details: {},
    hints: ["This is a bug.", ...whose],
    exitCode: EXIT.failed,
  };
};

const refusalToHints = (
  { reason, details }: { readonly reason: Reason; readonly details: object },
  { tokenAdvice, hints }: FailureScene,
): string[] => {
  const own = hints[reason];
  if (own) return [own];
  if (reasonToExitCode(reason) === EXIT.notAllowed) return [tokenAdvice];
  if (reason === "phone/invalid") return [`Quote it when it has spaces: "+44 7400 123456".`];
  if ("retryAfterSeconds" in details) return [`Try again in ${String(details.retryAfterSeconds)} s.`];
  if ("issues" in details && Array.isArray(details.issues)) {
    const issues: readonly { readonly path: string; readonly message: string }[] = details.issues;
    return issues.map(({ path, message }) => (path ? `${path}: ${message}` : message));
  }
  return [];
};

/** For a call that failed before the server answered it: why, as far as the cause tells. */
export const unreachable = (cause: unknown, url: string): CommandError => {
  const start = "Start the server with npm start, or use --db when none runs.";
  const unavailable = (message: string, hint: string) =>
    new CommandError("server/unavailable", message, { hints: [hint], details: { url }, cause });
  // A fetch that got no answer at all is a TypeError with the system's own as its cause.
  if (cause instanceof TypeError) {
    const code = isSystemError(cause.cause) ? ` (${cause.cause.code})` : "";
    return unavailable(`No server answered at ${url}${code}.`, start);
  }
  if (cause instanceof Error && cause.name === "TimeoutError") {
    return unavailable(`The server at ${url} did not answer in time.`, "Look into its log.");
  }
  return unavailable(`What answered at ${url} is no EdVoyage server.`, "Name the server with --url.");
};

/** A fault of the machine, such as a file without permission, which its message explains. */
const isSystemError = (error: unknown): error is Error & { readonly code: string } =>
  error instanceof Error &&
  "code" in error &&
  typeof error.code === "string" &&
  // Those of Node itself, ERR_…, are ours.
  /^(?!ERR_)[A-Z][A-Z0-9_]+$/.test(error.code);
