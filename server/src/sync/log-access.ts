import type { LogId, UserId } from "@edvoyage/protocol";

/** Read access to logs; implemented by the feature that owns the logs. */
export interface LogAccess {
  /** The first segment of a log that a student may read; `undefined` when they may read none. */
  firstReadableSegment(id: LogId, userId: UserId): Promise<number | undefined>;
  /** The students who could read the log before and no longer can. */
  formerReaders(id: LogId): Promise<readonly UserId[]>;
  /** The students who can read the log now. */
  readers(id: LogId): Promise<readonly UserId[]>;
}

/** Counters of the sockets for `/metrics`. */
export interface SyncMetrics {
  socketClosed(code: number): void;
  /** Counts frames with content that were written to sockets: at the handshake, live, or while catching up. */
  framesDelivered(document: SyncedDocument, frames: number): void;
  /** Counts the room entries in these frames, once for each frame. */
  entriesDelivered(entries: number): void;
  /** Reports the time between the instant in a row and its delivery to the waiting sockets. */
  lagged(document: SyncedDocument, lagMs: number): void;
}

export type SyncedDocument = "room" | "user";
