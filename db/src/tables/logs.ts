import type { LogId } from "@edvoyage/protocol";

/** One row: which life of the database this is; restoring a backup starts the next. Read by `logs` and `documents`. */
export interface DatabaseEpochTable {
  id: number;
  epoch: number;
}

/** Append-only sequences. Read by `logs`. */
export interface LogsTable {
  id: LogId;
  /** The segment that takes the next entry. */
  head_segment: number;
}

/** Stretches of a log, each a Yjs document of its own to its readers. Read by `logs`. */
export interface LogSegmentsTable {
  log_id: LogId;
  segment: number;
  epoch: number;
  /** The Yjs client id of everything in the segment: 1 to 2^32 - 1, drawn anew in each epoch. */
  writer_id: number;
  /** How many entries it has: the position of the next. */
  length: number;
  /** Of all entries that it ever had. */
  size_bytes: number;
  /** Counts the redactions: a reader that saw another number lacks one. */
  redaction_revision: number;
  changed_at: number;
}

/** Writers of earlier epochs: a copy that names one is of a history that was undone. Read by `logs`. */
export interface LogFormerWritersTable {
  log_id: LogId;
  segment: number;
  epoch: number;
  writer_id: number;
}

/** What a log holds. Positions have no holes. Read by `logs` and, by kind and subject, by the logs' owners. */
export interface LogEntriesTable {
  log_id: LogId;
  segment: number;
  position: number;
  /** Unique among the entries of all logs. */
  id: string;
  kind: string;
  author_id: string | null;
  /**
   * What the entry is about: an edit is about its message, a message about its room. So a room's messages are found
   * without stepping over all that was said about them.
   */
  subject_id: string | null;
  at: number;
  /** The entry in lib0's `any` encoding, made once; `null` once redacted. */
  bytes: Uint8Array | null;
}
