import type { CourseId, FavouriteKind, UniversityId, UserId } from "@edvoyage/protocol";

/** Yjs documents that a student's devices write. Read by `documents`. */
export interface DocumentsTable {
  name: string;
  owner_id: UserId;
  epoch: number;
  /** The Yjs client id of the server's own edits: 1 to 2^32 - 1, drawn again in each epoch. */
  writer_id: number;
  /** The revision of the newest update. */
  revision: number;
  /** The document as of `snapshot_revision`, a Yjs V1 update; `null` while there is none. */
  snapshot: Uint8Array | null;
  snapshot_revision: number;
  changed_at: number;
}

/** The updates of documents since their snapshots, Yjs V1. Read by `documents`. */
export interface DocumentUpdatesTable {
  name: string;
  revision: number;
  bytes: Uint8Array;
  at: number;
}

/**
 * The favourites of user documents, for queries; written in the same transaction as the document. Read by
 * `favourites.list`.
 */
export interface FavouritesTable {
  user_id: UserId;
  kind: FavouriteKind;
  target_id: UniversityId | CourseId;
  added_at: number;
}
