import type { Queries } from "@edvoyage/db";
import { userDocumentName, type Limits, type UserId } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import { createDocumentCache } from "./document-cache.ts";
import { documentQueries as queries, type FavouriteTimes } from "./documents.store.ts";
import { createUserDocument, type UserDocument } from "./user-document.ts";

/** Identifies who sent an update; `undefined` for the server itself and other nodes. */
export type UpdateOrigin = object | undefined;

/** Who sent an update, and when. */
export interface UpdateSource {
  readonly origin: UpdateOrigin;
  /** The instant in its row, just before the commit; `undefined` when the row was merged into a snapshot. */
  readonly at: number | undefined;
}

/** A document in memory as of a committed revision. */
export interface LoadedDocument {
  readonly document: UserDocument;
  readonly revision: number;
  readonly snapshotRevision: number;
  /** The total size of the updates since the snapshot. */
  readonly logBytes: number;
  readonly favourites: FavouriteTimes;
}

/** The client id with which the server writes to a document. */
export interface Writer {
  readonly id: number;
  /** Drawn before a restore of the database: the restore may have undone what it wrote. */
  readonly isStale: boolean;
}

/** A document as it is in the database now. */
export interface CurrentDocument {
  readonly loaded: LoadedDocument;
  /** `undefined` while the document has no row. */
  readonly writer: Writer | undefined;
}

/** Documents read from their rows and kept in memory, and how far their updates were reported. */
export interface LoadedDocuments {
  /** Loads the document as it is in the database now, and reports what other nodes have stored since the last report. */
  loadCurrent(from: Queries, userId: UserId): Promise<CurrentDocument>;
  /** Reads a document from its rows into a fresh object that nobody else has. */
  load(from: Queries, name: string): Promise<LoadedDocument>;
  /** Keeps a committed document in memory. */
  keep(userId: UserId, loaded: LoadedDocument): void;
  /** Forgets a document; the next use reads it from its rows. */
  drop(userId: UserId): void;
  dropUnusedSince(instant: number): void;
  /** Notes that a student's updates up to a revision were reported by `onStored` or returned by `read`. */
  noteReported(userId: UserId, revision: number): void;
  /** Returns the revision last noted; `undefined` for a document that was not read here. */
  reportedRevision(userId: UserId): number | undefined;
  /** Whether any document was read here. */
  hasReported(): boolean;
}

export interface LoadedDocumentsDeps {
  readonly clock: Clock;
  readonly limits: Pick<Limits, "documentBytes" | "documentStateVectorEntries">;
  /** Called after the commit of every update, in order for each document; must not throw. */
  readonly onStored: (userId: UserId, update: Uint8Array, source: UpdateSource) => void;
}

/** Limit for the encoded size of all documents in memory; in memory they take about ten times as much. */
const CACHE_BYTES = 16 * 1024 * 1024;
/** Added for each document, because an empty one takes memory too. */
const CACHE_BYTES_PER_DOCUMENT = 4 * 1024;
/** The most students whose reported revision is remembered; far more than one process can have sockets. */
const MAX_REPORTED = 200_000;
/** A compaction may run between two queries of one load; then the load starts again. */
const LOAD_ATTEMPTS = 5;

export const createLoadedDocuments = ({ clock, limits, onStored }: LoadedDocumentsDeps): LoadedDocuments => {
  const cache = createDocumentCache<LoadedDocument>({
    maxBytes: CACHE_BYTES,
    sizeOf: ({ document }) => document.sizeBytes() + CACHE_BYTES_PER_DOCUMENT,
    now: () => clock.monotonicNow(),
  });
  /** The revision up to which each student's updates were reported by `onStored` or returned by `read`. */
  const reportedRevisionByUser = new Map<UserId, number>();

  const noteReported = (userId: UserId, revision: number): void => {
    reportedRevisionByUser.delete(userId);
    reportedRevisionByUser.set(userId, revision);
    if (reportedRevisionByUser.size <= MAX_REPORTED) return;
    const oldest = reportedRevisionByUser.keys().next();
    if (!oldest.done) reportedRevisionByUser.delete(oldest.value);
  };

  const emptyDocument = (): LoadedDocument => ({
    document: createUserDocument(limits),
    revision: 0,
    snapshotRevision: 0,
    logBytes: 0,
    favourites: new Map(),
  });

  const load = async (from: Queries, name: string): Promise<LoadedDocument> => {
    for (let attempt = 1; attempt <= LOAD_ATTEMPTS; attempt += 1) {
      const row = await from.first(queries.snapshot, { name });
      if (!row) return emptyDocument();
      const updates = await from.all(queries.updatesAfter, { name, revision: row.snapshot_revision });
      if (!reaches(updates, row.snapshot_revision, row.revision)) continue;
      const document = createUserDocument(limits);
      document.load([...(row.snapshot ? [row.snapshot] : []), ...updates.map(({ bytes }) => bytes)]);
      return {
        document,
        revision: row.snapshot_revision + updates.length,
        snapshotRevision: row.snapshot_revision,
        logBytes: updates.reduce((sum, { bytes }) => sum + bytes.length, 0),
        favourites: document.favourites(),
      };
    }
    throw new Error("The update log of a document has a gap");
  };

  /** Applies the missing updates to a cached document; `undefined` when a compaction has deleted some of them. */
  const catchUp = async (
    from: Queries,
    {
      name,
      cached,
      row,
    }: {
      readonly name: string;
      readonly cached: LoadedDocument;
      readonly row: { readonly revision: number; readonly snapshot_revision: number };
    },
  ): Promise<LoadedDocument | undefined> => {
    const isCompacted = row.snapshot_revision > cached.snapshotRevision;
    const snapshotRevision = row.snapshot_revision;
    const logBytes = isCompacted ? 0 : cached.logBytes;
    if (cached.revision === row.revision) return { ...cached, snapshotRevision, logBytes };
    if (cached.revision > row.revision) return undefined;
    const updates = await from.all(queries.updatesAfter, { name, revision: cached.revision });
    if (!reaches(updates, cached.revision, row.revision)) return undefined;
    cached.document.load(updates.map(({ bytes }) => bytes));
    return {
      document: cached.document,
      revision: cached.revision + updates.length,
      snapshotRevision,
      logBytes: updates.reduce((sum, { bytes }) => sum + bytes.length, logBytes),
      favourites: cached.document.favourites(),
    };
  };

  const reportMissed = async (from: Queries, userId: UserId, loaded: LoadedDocument): Promise<void> => {
    const reported = reportedRevisionByUser.get(userId) ?? loaded.revision;
    if (reported >= loaded.revision) return noteReported(userId, loaded.revision);
    const updates = await from.all(queries.updatesAfter, {
      name: userDocumentName(userId),
      revision: reported,
    });
    const missed = updates.slice(0, loaded.revision - reported);
    const isWhole = reaches(updates, reported, loaded.revision);
    for (const { bytes, at } of isWhole ? missed : [{ bytes: loaded.document.diff(), at: undefined }])
      onStored(userId, bytes, { origin: undefined, at });
    // Only after a successful read: after a failure the next check reports them.
    noteReported(userId, loaded.revision);
  };

  const loadCurrent = async (from: Queries, userId: UserId): Promise<CurrentDocument> => {
    const name = userDocumentName(userId);
    const row = await from.first(queries.state, { name });
    if (!row) {
      cache.drop(userId);
      // Remember the reader, so that the first update is reported too, whichever node stores it.
      if (!reportedRevisionByUser.has(userId)) noteReported(userId, 0);
      return { loaded: emptyDocument(), writer: undefined };
    }
    const writer = { id: row.writer_id, isStale: row.epoch !== row.current_epoch };
    const cached = cache.get(userId);
    // Drop it first: an error on the way may leave it half changed.
    cache.drop(userId);
    const loaded = (cached && (await catchUp(from, { name, cached, row }))) ?? (await load(from, name));
    cache.set(userId, loaded);
    await reportMissed(from, userId, loaded);
    return { loaded, writer };
  };

  return {
    loadCurrent,
    load,
    keep: cache.set,
    drop: cache.drop,
    dropUnusedSince: cache.dropUnusedSince,
    noteReported,
    reportedRevision: (userId) => reportedRevisionByUser.get(userId),
    hasReported: () => reportedRevisionByUser.size > 0,
  };
};

/** Whether the updates start right after `revision`, have no gap, and reach at least `target`. */
const reaches = (
  updates: readonly { readonly revision: number }[],
  revision: number,
  target: number,
): boolean =>
  revision + updates.length >= target &&
  updates.every((update, index) => update.revision === revision + 1 + index);
