/**
 * What is wrong with a file that should be a backup: `missing`; `not-sqlite`; `foreign` (another program's
 * database); `damaged`; `newer` (of a schema that this program does not know yet); `incomplete` (a database that was
 * copied while it was in use, with its log beside it); `same` (the database that it should replace).
 */
export type BackupErrorKind =
  | "missing"
  | "not-sqlite"
  | "foreign"
  | "damaged"
  | "newer"
  | "incomplete"
  | "same";

/** A file is no backup that can be restored. Nothing was changed. */
export class BackupError extends Error {
  readonly kind: BackupErrorKind;
  constructor(kind: BackupErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "BackupError";
    this.kind = kind;
  }
}
