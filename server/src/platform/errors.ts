import { StorageError, type StorageErrorKind } from "@edvoyage/db";
import { REASON_STATUSES, type LimitName, type Reason, type ReasonDetails } from "@edvoyage/protocol";
import { TRPCError } from "@trpc/server";
import { ZodError } from "zod";

type TrpcCode = TRPCError["code"];

/** The tRPC code for each HTTP status of a reason. */
const codeByStatus = {
  400: "BAD_REQUEST",
  401: "UNAUTHORIZED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  409: "CONFLICT",
  429: "TOO_MANY_REQUESTS",
  503: "SERVICE_UNAVAILABLE",
  507: "SERVICE_UNAVAILABLE",
} as const satisfies Readonly<Record<(typeof REASON_STATUSES)[Reason], TrpcCode>>;

type DetailsOf<R extends Reason> = R extends keyof ReasonDetails
  ? object extends ReasonDetails[R]
    ? [details?: ReasonDetails[R]]
    : [details: ReasonDetails[R]]
  : [details?: Readonly<Record<string, never>>];

/** An error that a client may act on. Anything else that is thrown is a bug. */
export class AppError<R extends Reason = Reason> extends Error {
  readonly reason: R;
  readonly details: Readonly<Record<string, unknown>>;

  /** `message` is a sentence for a developer; it never holds a phone number, a code or a key. */
  constructor(reason: R, message: string, ...[details]: DetailsOf<R>) {
    super(message);
    this.name = "AppError";
    this.reason = reason;
    this.details = { ...details };
  }
}

/** An error as it goes over the wire, under tRPC's own `data`. */
export interface ErrorFacts {
  /** Absent for a bug: its details are only logged. */
  readonly reason?: Reason;
  readonly details: Readonly<Record<string, unknown>>;
  readonly httpStatus: number;
  readonly code: TrpcCode;
  readonly message: string;
}

/** How soon to retry, in seconds. Freeing disk space takes longer than a restart of PostgreSQL. */
const RETRY_AFTER_SECONDS = { full: 5, unavailable: 1, locked: 1 } as const satisfies Record<
  StorageErrorKind,
  number
>;

/** Converts anything thrown to what a client sees; nothing else does. */
export const errorToFacts = (thrown: unknown): ErrorFacts => {
  const error = toAppError(thrown);
  if (error) {
    const { reason, details, message } = error;
    const httpStatus = REASON_STATUSES[reason];
    return { reason, details, httpStatus, code: codeByStatus[httpStatus], message };
  }
  if (thrown instanceof TRPCError && thrown.code in transportFaults) {
    const fault = transportFaults[thrown.code as keyof typeof transportFaults];
    return { ...fault, code: thrown.code };
  }
  return {
    details: {},
    httpStatus: 500,
    code: "INTERNAL_SERVER_ERROR",
    message: "Something went wrong on our side.",
  };
};

const toAppError = (thrown: unknown): AppError | undefined => {
  const cause = thrown instanceof TRPCError ? thrown.cause : thrown;
  if (cause instanceof AppError) return cause;
  if (cause instanceof ZodError) {
    const issues = cause.issues.map(({ path, message }) => ({ path: path.join("."), message }));
    return new AppError("input/invalid", "The input does not have the shape of this procedure.", { issues });
  }
  if (cause instanceof StorageError) {
    const reason = cause.kind === "full" ? "storage/full" : "server/unavailable";
    const outcome =
      cause.outcome === "unknown" ? "It is not known whether anything was changed." : "Nothing was changed.";
    return new AppError(reason, `${cause.message}. ${outcome}`, {
      retryAfterSeconds: RETRY_AFTER_SECONDS[cause.kind],
    });
  }
  return undefined;
};

const malformed = (message: string, httpStatus: number) => ({
  reason: "input/invalid" as const,
  details: { issues: [{ path: "", message }] },
  httpStatus,
  message,
});

/** Faults of the request itself, found before a procedure runs. They use HTTP's own statuses. */
const transportFaults = {
  PARSE_ERROR: malformed("The request is not valid JSON.", 400),
  BAD_REQUEST: malformed("The request is not a valid call.", 400),
  METHOD_NOT_SUPPORTED: malformed("Queries are called with GET, mutations with POST.", 405),
  UNSUPPORTED_MEDIA_TYPE: malformed("A POST carries content-type: application/json.", 415),
  NOT_FOUND: {
    reason: "not-found" as const,
    details: {},
    httpStatus: 404,
    message: "There is no such procedure.",
  },
  PAYLOAD_TOO_LARGE: {
    reason: "limit/reached" as const,
    details: { limit: "httpBodyBytes" satisfies LimitName },
    httpStatus: 413,
    message: "The request body is too large.",
  },
};
