/**
 * The faults of a file that should be a backup: `missing`; `not-sqlite`; `foreign` (a database of another program);
 * `damaged`; `newer` (its schema is newer than this program); `incomplete` (a database that was copied while it was in use,
 * with its log beside it); `same` (the database that it should replace).
 */
export type BackupErrorKind =
  | "missing"
  | "not-sqlite"
  | "foreign"
  | "damaged"
  | "newer"
  | "incomplete"
  | "same";

/** Thrown when a file is not a backup that can be restored. Nothing was changed. */
export class BackupError extends Error {
  readonly kind: BackupErrorKind;
  constructor(kind: BackupErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "BackupError";
    this.kind = kind;
  }
}
