import type { ApplicationField, SentApplication } from "./applications.ts";
import type { LimitName } from "./limits.ts";

/**
 * The header of every answer of the server. A device treats an answer without it as coming from a proxy or a captive
 * portal.
 */
export const SERVER_HEADER = "x-edvoyage";

/** The only value of `SERVER_HEADER`. */
export const SERVER_HEADER_VALUE = "1";

/** Every reason for which the server refuses a call, with the HTTP status of that answer. */
export const REASON_STATUSES = {
  "otp/incorrect": 401,
  "otp/blocked": 429,
  "otp/expired": 401,
  "otp/throttled": 429,
  "phone/invalid": 400,
  "phone/country-not-served": 400,
  "sms/failed": 503,
  "session/required": 401,
  "session/unknown": 401,
  "session/expired": 401,
  "session/revoked": 401,
  "session/not-fresh": 403,
  "input/invalid": 400,
  "not-found": 404,
  forbidden: 403,
  conflict: 409,
  "limit/reached": 409,
  "rate/limited": 429,
  "storage/full": 507,
  "server/unavailable": 503,
} as const;

/** Why the server refused a call: `error.data.reason`. */
export type Reason = keyof typeof REASON_STATUSES;

/** The details of each reason, sent as `error.data.details`. Instants are epoch milliseconds of the server's clock. */
export interface ReasonDetails {
  "otp/incorrect": { readonly attemptsRemaining: number };
  "otp/blocked": {
    readonly blockedUntil: number;
    /** Whole seconds, rounded up. */
    readonly retryAfterSeconds: number;
    readonly attemptsRemaining: 0;
  };
  "otp/throttled": { readonly retryAfterSeconds: number };
  "sms/failed": { readonly retryAfterSeconds: number };
  "input/invalid": { readonly issues: readonly InputIssue[] };
  /** Only application conflicts carry details. */
  conflict: {
    /** The application as it is now; for a second application to a course, the existing one. */
    readonly application?: SentApplication;
    /** Fields of an edited draft that were changed in the meantime. */
    readonly fields?: readonly ApplicationField[];
  };
  "limit/reached": { readonly limit: LimitName };
  "rate/limited": { readonly retryAfterSeconds: number };
  "storage/full": { readonly retryAfterSeconds: number };
  "server/unavailable": { readonly retryAfterSeconds: number };
}

/** One fault of an input. It never repeats the value. */
export interface InputIssue {
  /** The place of the fault, such as `deviceId` or `entries.3.name`; empty for the input as a whole. */
  readonly path: string;
  readonly message: string;
}
