/**
 * The kinds of failures that a caller can act on: `full` (no space; reads still work), `unavailable` (busy, unreachable or
 * failed), `locked` (another process has the database open).
 */
export type StorageErrorKind = "full" | "unavailable" | "locked";

/**
 * The outcome of a failed unit of work: nothing was kept, or the outcome is unknown because the connection was lost during
 * the commit. The caller may retry in both cases if the unit is idempotent, for example by a command id.
 */
export type StorageOutcome = "unchanged" | "unknown";

/** Thrown when the database could not run a query or a unit of work. */
export class StorageError extends Error {
  readonly kind: StorageErrorKind;
  readonly outcome: StorageOutcome;
  constructor(
    kind: StorageErrorKind,
    message: string,
    options: ErrorOptions & { readonly outcome?: StorageOutcome } = {},
  ) {
    super(message, options);
    this.name = "StorageError";
    this.kind = kind;
    this.outcome = options.outcome ?? "unchanged";
  }
}
