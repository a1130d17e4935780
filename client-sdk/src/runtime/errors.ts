import type { Reason } from "@edvoyage/protocol";
import { isStorageError } from "../storage/storage.ts";

/** Why the server refused, as it says it in `error.data.reason`. */
export type ServerReason = Reason;

/** Why the SDK itself could not do what it was asked. */
export type ClientReason =
  /** The server was not reached, or did not answer in time. */
  | "offline"
  /** The server failed by a fault of its own. */
  | "server/failed"
  /** Nobody is signed in. */
  | "signed-out"
  /** No code was asked for, or it is over: ask again. */
  | "code/none"
  /** The device has no room: nothing was saved. */
  | "device/full"
  /** The device cannot read or write: nothing was saved. */
  | "device/failed"
  /** The client was closed, or the student has changed meanwhile. */
  | "closed"
  /** What was typed here has not all reached the server yet. */
  | "outbox/not-empty"
  /** The server had this and has it no more: it was put back to an earlier state. */
  | "lost"
  /** The server does not take this edit of a document. */
  | "document/refused"
  /** A fault of the SDK, or of what it was handed: `cause` has it. */
  | "fault";

/** Why something failed: what an app may act on. */
export type ErrorReason = ServerReason | ClientReason;

/** What the SDK throws. */
export class EdVoyageError extends Error {
  readonly reason: ErrorReason;
  /** The facts of the reason, such as `{ attemptsRemaining }` or `{ limit }`. */
  readonly details: Readonly<Record<string, unknown>>;

  /** `message` is a sentence for a developer. */
  constructor(
    reason: ErrorReason,
    message: string,
    {
      details = {},
      cause,
    }: { readonly details?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "EdVoyageError";
    this.reason = reason;
    this.details = details;
  }
}

/** Tells by shape, so that two copies of this package in one app do not matter. */
export const isEdVoyageError = (error: unknown): error is EdVoyageError =>
  error instanceof Error && error.name === "EdVoyageError" && "reason" in error;

/** Whether asking again later may do: nothing was decided. */
export const isTransient = (reason: ErrorReason): boolean => transientReasons.has(reason);

const transientReasons: ReadonlySet<ErrorReason> = new Set([
  "offline",
  "server/failed",
  "fault",
  "server/unavailable",
  "storage/full",
  "rate/limited",
  "sms/failed",
] as const);

/** Whether a reason says that a session is over. */
export const isSessionOver = (reason: ErrorReason): reason is Extract<ServerReason, `session/${string}`> =>
  reason === "session/required" || reason === "session/expired" || reason === "session/revoked";

/** What went wrong, in the one shape that apps see. */
export const toEdVoyageError = (thrown: unknown): EdVoyageError => {
  if (isEdVoyageError(thrown)) return thrown;
  if (isStorageError(thrown)) {
    return new EdVoyageError(storageReasons[thrown.kind], thrown.message, { cause: thrown });
  }
  return new EdVoyageError("fault", thrown instanceof Error ? thrown.message : "Something failed.", {
    cause: thrown,
  });
};

const storageReasons = { full: "device/full", failed: "device/failed", closed: "closed" } as const;
