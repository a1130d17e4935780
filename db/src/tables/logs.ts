import type { LogId } from "@edvoyage/protocol";

/** One row with the epoch of the database; restoring a backup starts the next epoch. Read by `logs` and `documents`. */
export interface DatabaseEpochTable {
  id: number;
  epoch: number;
  /** The latest time that a server has told devices. */
  clock_at: number;
}

/** Append-only logs. Read by `logs`. */
export interface LogsTable {
  id: LogId;
  /** The segment that takes the next entry. */
  head_segment: number;
}

/** Segments of logs; readers get each as a separate Yjs document. Read by `logs`. */
export interface LogSegmentsTable {
  log_id: LogId;
  segment: number;
  epoch: number;
  /** The Yjs client id of all entries in the segment: 1 to 2^32 - 1, drawn again in each epoch. */
  writer_id: number;
  /** The number of entries, which is the position of the next one. */
  length: number;
  /** The total size of all its entries, redacted ones included. */
  size_bytes: number;
  /** The number of redactions. A reader with another number lacks some. */
  redaction_revision: number;
  changed_at: number;
}

/** Writers of earlier epochs. A copy that names one of them belongs to a history that was undone. Read by `logs`. */
export interface LogFormerWritersTable {
  log_id: LogId;
  segment: number;
  epoch: number;
  writer_id: number;
}

/** Entries of logs. Positions have no gaps. Read by `logs` and, by kind and subject, by the features that own the logs. */
export interface LogEntriesTable {
  log_id: LogId;
  segment: number;
  position: number;
  /** Unique among the entries of all logs. */
  id: string;
  kind: string;
  author_id: string | null;
  /**
   * The id of what the entry is about: for an edit its message, for a message its room. So a room's messages are found
   * without reading the entries about them.
   */
  subject_id: string | null;
  at: number;
  /** The entry in lib0's `any` encoding, encoded once; `null` after a redaction. */
  bytes: Uint8Array | null;
}
