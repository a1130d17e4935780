import type { Reason } from "@edvoyage/protocol";
import { isStorageError } from "../storage/storage.ts";

/** The server's reason for an error, from `error.data.reason`. */
export type ServerReason = Reason;

/** The SDK's own reasons for an error. */
export type ClientReason =
  /** The server was not reached, or did not answer in time. */
  | "offline"
  /** The server was reached, but it does not allow this page's origin (CORS): set `EDVOYAGE_ALLOWED_ORIGINS`. */
  | "origin-refused"
  /** The server failed because of a bug. */
  | "server/failed"
  /** Nobody is signed in. */
  | "signed-out"
  /** No code was requested, or it has expired: request another one. */
  | "code/none"
  /** The device's storage is full: nothing was saved. */
  | "device/full"
  /** The device cannot read or write: nothing was saved. */
  | "device/failed"
  /** The device's storage cannot be opened, such as IndexedDB in a browser that blocks it. */
  | "device/unavailable"
  /** A newer version of the app has written the data on this device. It was left as it is: update the app. */
  | "device/newer-data"
  /** The client was closed, another student has signed in, or the data on the device was deleted meanwhile. */
  | "closed"
  /** Some changes have not reached the server yet. */
  | "outbox/not-empty"
  /** The command was discarded on this device. */
  | "discarded"
  /** Something between this device and the server refuses this command, and lets others through. */
  | "refused-on-the-way"
  /** The server no longer has this event: it was restored to an earlier state. */
  | "lost"
  /** The server rejected this edit of a document. */
  | "document/refused"
  /** A bug of the SDK or of a dependency passed to it; see `cause`. */
  | "fault";

/** Every reason for an error that an app may act on. */
export type ErrorReason = ServerReason | ClientReason;

/** Every error that the SDK throws. */
export class EdVoyageError extends Error {
  readonly reason: ErrorReason;
  /** The details of the reason, such as `{ attemptsRemaining }` or `{ limit }`. */
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

/** Recognizes an error by its shape, so that two copies of this package in one app do not matter. */
export const isEdVoyageError = (error: unknown): error is EdVoyageError =>
  error instanceof Error && error.name === "EdVoyageError" && "reason" in error;

/** Returns whether a retry may succeed: the server has not decided yet. */
export const isTransient = (reason: ErrorReason): boolean => transientReasons.has(reason);

const transientReasons: ReadonlySet<ErrorReason> = new Set([
  "offline",
  "origin-refused",
  "server/failed",
  "fault",
  "server/unavailable",
  "storage/full",
  "rate/limited",
  "sms/failed",
] as const);

/** Returns how many milliseconds the server, or a proxy in front of it, asks to wait before a retry. Default: 0. */
export const retryAfterMs = ({ details }: EdVoyageError): number => {
  const seconds = details["retryAfterSeconds"];
  return typeof seconds === "number" ? seconds * 1_000 : 0;
};

/**
 * Returns whether a reason means that there is no session any more. The HTTP caller passes on `session/required` only if it
 * sent no key, or one that cannot be a key.
 */
export const isSessionOver = (reason: ErrorReason): reason is Extract<ServerReason, `session/${string}`> =>
  reason === "session/required" ||
  reason === "session/unknown" ||
  reason === "session/expired" ||
  reason === "session/revoked";

/** Converts anything thrown to the error that apps see. */
export const toEdVoyageError = (thrown: unknown): EdVoyageError => {
  if (isEdVoyageError(thrown)) return thrown;
  if (isStorageError(thrown)) {
    return new EdVoyageError(storageReasons[thrown.kind], thrown.message, { cause: thrown });
  }
  return new EdVoyageError("fault", thrown instanceof Error ? thrown.message : "An unknown error occurred.", {
    cause: thrown,
  });
};

const storageReasons = {
  full: "device/full",
  failed: "device/failed",
  closed: "closed",
  unavailable: "device/unavailable",
  newer: "device/newer-data",
} as const;
