/**
 * Why the database did not do what was asked, as far as a caller can act on it:
 * `full` (no space; reads go on), `unavailable` (busy, unreachable, failed), `locked` (another process has it open).
 */
export type StorageErrorKind = "full" | "unavailable" | "locked";

/** The database could not serve; nothing of the unit of work was kept. */
export class StorageError extends Error {
  readonly kind: StorageErrorKind;
  constructor(kind: StorageErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StorageError";
    this.kind = kind;
  }
}
