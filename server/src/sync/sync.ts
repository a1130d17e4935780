import type { LogId, UserId } from "@edvoyage/protocol";

/**
 * What features tell the open sockets, after the commit. A hint that is lost costs time, never data: readers are
 * served from rows.
 */
export interface SyncHints {
  /** A log has new entries or redactions: its readers get them, and its members are told that their inbox changed. */
  logChanged(id: LogId): void;
  /** A student may no longer read a log: her sockets of it are closed with 4403. */
  readerGone(id: LogId, userId: UserId): void;
  /** What `inbox.changes` tells a student changed by something other than a log, such as her own read position. */
  inboxChanged(userId: UserId): void;
}

/** Who may read what, asked of the feature that owns the logs. */
export interface LogAccess {
  /** The first segment that a student may read of a log, or `undefined` when she may read none. */
  firstReadableSegment(id: LogId, userId: UserId): Promise<number | undefined>;
  /** Those who could read a log once and cannot now. */
  formerReaders(id: LogId): Promise<readonly UserId[]>;
  /** Those who can read it now. */
  readers(id: LogId): Promise<readonly UserId[]>;
}
