import type { UnitOfWork } from "@edvoyage/db";
import type { LogId, Position } from "@edvoyage/protocol";

/** What goes into a log. */
export interface NewEntry {
  /** Unique among the entries of all logs. UUIDv7. */
  readonly id: string;
  readonly kind: string;
  /** What readers see: a tuple of plain values, in lib0's `any` encoding on the wire. */
  readonly event: readonly unknown[];
  readonly authorId: string | null;
  /** What it is about, such as the message that it edits. */
  readonly subjectId: string | null;
  readonly at: number;
}

/**
 * Append-only sequences that the server alone writes, served to clients as read-only Yjs documents.
 * They know nothing of what they hold.
 */
export interface Logs {
  /** Makes an empty log with its segment 0. */
  create(tx: UnitOfWork, id: LogId, now: number): Promise<void>;
  /**
   * Adds an entry at the next position, under the log's lock (`tx.lock("log:<id>")`), and seals the segment when it is
   * full. Returns where the entry is.
   */
  append(tx: UnitOfWork, id: LogId, entry: NewEntry): Promise<Position>;
  /** Ends the head segment with a `next` event and starts another; returns its number. */
  roll(tx: UnitOfWork, id: LogId, now: number): Promise<number>;
  /** Drops the bytes of entries for good, here and at every reader. Redacting twice is no error. */
  redact(tx: UnitOfWork, id: LogId, places: readonly Position[], now: number): Promise<void>;
  /** Where the next entry would go: everything in the log is before it. */
  end(tx: Pick<UnitOfWork, "first">, id: LogId): Promise<Position>;
  /** An entry's event again, from its bytes; `undefined` once redacted. */
  decode(bytes: Uint8Array | null): readonly unknown[] | undefined;
}
