/**
 * Why the database did not do what was asked, as far as a caller can act on it:
 * `full` (no space; reads go on), `unavailable` (busy, unreachable, failed), `locked` (another process has it open).
 */
export type StorageErrorKind = "full" | "unavailable" | "locked";

/**
 * What became of a unit of work: nothing of it was kept, or it is not known, because the connection was lost while it was
 * committed. The caller may try again in either case when trying twice is the same as once, as it is with a command id.
 */
export type StorageOutcome = "unchanged" | "unknown";

/** The database could not serve. */
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
