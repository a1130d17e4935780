import type { Database, Queries, UnitOfWork } from "@edvoyage/db";
import { userDocumentName, type Limits, type UserId, type UserRoot } from "@edvoyage/protocol";
import { MINUTE_MS, type Clock } from "../platform/clock.ts";
import type { Random } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import { createLookBack } from "../platform/look-back.ts";
import { drawClientId } from "./client-id.ts";
import { createDocumentCache } from "./document-cache.ts";
import { DocumentRefusal } from "./document-refusal.ts";
import { documentQueries as queries, refreshFavourites, type FavouriteTimes } from "./documents.store.ts";
import { createKeyedQueue } from "./keyed-queue.ts";
import { checkStateVector, checkUpdate } from "./update-check.ts";
import { createUserDocument, type Change, type UserDocument } from "./user-document.ts";

/** The result of applying a client's update. */
export type ApplyOutcome =
  /** Committed; `update` is the part that was new. */
  | { readonly state: "stored"; readonly update: Uint8Array }
  /** The update contained nothing new. */
  | { readonly state: "unchanged" }
  /**
   * The update depends on changes that are missing here, and was dropped: ask the client for its state (sync step 1).
   * Not an error.
   */
  | { readonly state: "gap" };

/** Identifies who sent an update; `undefined` for the server itself and other nodes. */
export type UpdateOrigin = object | undefined;

/** Who sent an update, and when. */
export interface UpdateSource {
  readonly origin: UpdateOrigin;
  /** The instant in its row, just before the commit; `undefined` when the row was merged into a snapshot. */
  readonly at: number | undefined;
}

/** One array of a document as a map, during an edit. */
export interface EditedEntries {
  get(key: string): unknown;
  has(key: string): boolean;
  set(key: string, value: unknown): void;
  delete(key: string): void;
  readonly size: number;
}

/** The documents that students' devices write. Results and calls of `onStored` are about committed state only. */
export interface Documents {
  /**
   * Returns what a client with this state vector lacks (Yjs update V1), and the server's own state vector.
   * Throws `DocumentRefusal` for a state vector that is malformed (4422) or too large (4413).
   */
  read(
    userId: UserId,
    stateVector: Uint8Array,
  ): Promise<{ readonly update: Uint8Array; readonly stateVector: Uint8Array }>;
  /**
   * Checks a client's update and commits it if it contains something new; `onStored` gets the same `origin`.
   * Throws `DocumentRefusal` for a malformed update (4422) or one that makes the document too large (4413).
   */
  apply(userId: UserId, update: Uint8Array, origin?: UpdateOrigin): Promise<ApplyOutcome>;
  /**
   * Edits one of the arrays for a client without Yjs, in the same unit of work as `act`. When `act` throws, neither is kept.
   * Like any unit of work, `act` may run twice. Throws `limit/reached`.
   */
  edit<T>(
    userId: UserId,
    root: UserRoot,
    act: (tx: UnitOfWork, entries: EditedEntries) => Promise<T>,
  ): Promise<T>;
  /** Returns the document's content: the entries of each array by key. */
  content(userId: UserId): Promise<Readonly<Record<UserRoot, Readonly<Record<string, unknown>>>>>;
  /**
   * Reports updates that other processes stored for documents that were read here, and drops idle documents from memory.
   * Called several times a second.
   */
  noticeStored(): Promise<void>;
  /** Waits for pending reads and edits. */
  close(): Promise<void>;
}

export interface DocumentsDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "documentBytes" | "documentStateVectorEntries">;
  readonly random: Random;
  /** Runs a task that no reply waits for. */
  readonly background: (task: Promise<unknown>) => void;
  /** Called after the commit of every update, in order for each document; must not throw. */
  readonly onStored: (userId: UserId, update: Uint8Array, source: UpdateSource) => void;
}

/** An update log with more updates or bytes than this is compacted into a snapshot. */
const COMPACT_AFTER_UPDATES = 64;
const COMPACT_AFTER_BYTES = 64 * 1024;
/** Limit for the encoded size of all documents in memory; in memory they take about ten times as much. */
const CACHE_BYTES = 16 * 1024 * 1024;
/** Added for each document, because an empty one takes memory too. */
const CACHE_BYTES_PER_DOCUMENT = 4 * 1024;
const IDLE_MS = 5 * MINUTE_MS;
/** The search for changes goes back this far, so that a late commit or another node's clock hides none. */
const CHANGE_OVERLAP_MS = MINUTE_MS;
/** The most students whose reported revision is remembered; far more than one process can have sockets. */
const MAX_REPORTED = 200_000;
/** A compaction may run between two queries of one load; then the load starts again. */
const LOAD_ATTEMPTS = 5;
/** A server writer id that has used this many clocks is replaced: a hostile device can write under any id. */
const MAX_WRITER_CLOCK = 2 ** 30;

/** A document in memory as of a committed revision. */
interface LoadedDocument {
  readonly document: UserDocument;
  readonly revision: number;
  readonly snapshotRevision: number;
  /** The total size of the updates since the snapshot. */
  readonly logBytes: number;
  readonly favourites: FavouriteTimes;
}

interface Writer {
  readonly id: number;
  /** Drawn before a restore of the database: the restore may have undone what it wrote. */
  readonly isStale: boolean;
}

interface CurrentDocument {
  readonly loaded: LoadedDocument;
  /** `undefined` while the document has no row. */
  readonly writer: Writer | undefined;
}

export const createDocuments = (deps: DocumentsDeps): Documents => {
  const { database, clock, limits, random, background, onStored } = deps;
  const queue = createKeyedQueue<UserId>();
  const lookBack = createLookBack(clock, CHANGE_OVERLAP_MS);
  const cache = createDocumentCache<LoadedDocument>({
    maxBytes: CACHE_BYTES,
    sizeOf: ({ document }) => document.sizeBytes() + CACHE_BYTES_PER_DOCUMENT,
    now: () => clock.now(),
  });
  /** The revision up to which each student's updates were reported by `onStored` or returned by `read`. */
  const reportedRevisionByUser = new Map<UserId, number>();
  const compacting = new Set<UserId>();

  const noteReported = (userId: UserId, revision: number): void => {
    reportedRevisionByUser.delete(userId);
    reportedRevisionByUser.set(userId, revision);
    if (reportedRevisionByUser.size <= MAX_REPORTED) return;
    const oldest = reportedRevisionByUser.keys().next();
    if (!oldest.done) reportedRevisionByUser.delete(oldest.value);
  };

  /** Loads the document as it is in the database now, and reports what other nodes have stored since the last report. */
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

  /** Runs a unit of work on the locked document; after the commit it caches and reports the new state. */
  const change = async <T>(
    userId: UserId,
    unit: (tx: UnitOfWork, current: CurrentDocument) => Promise<{ answer: T; stored?: Stored }>,
    origin?: UpdateOrigin,
  ): Promise<T> => {
    const { answer, stored } = await database.write(async (tx) => {
      await tx.lock(`document:${userDocumentName(userId)}`);
      return unit(tx, await loadCurrent(tx, userId));
    });
    if (!stored) return answer;
    cache.set(userId, stored.loaded);
    noteReported(userId, stored.loaded.revision);
    onStored(userId, stored.update, { origin, at: stored.at });
    compactWhenLong(userId, stored.loaded);
    return answer;
  };

  const store = async (
    tx: UnitOfWork,
    userId: UserId,
    { loaded, change: { bytes, roots } }: { readonly loaded: LoadedDocument; readonly change: Change },
  ): Promise<Stored> => {
    const name = userDocumentName(userId);
    const at = clock.now();
    const revision = loaded.revision + 1;
    await tx.all(queries.append, { name, revision, bytes, at });
    await tx.all(queries.advance, { name, revision, at });
    const favourites = roots.includes("favourites") ? loaded.document.favourites() : loaded.favourites;
    await refreshFavourites(tx, userId, { before: loaded.favourites, after: favourites });
    const logBytes = loaded.logBytes + bytes.length;
    return { at, update: bytes, loaded: { ...loaded, revision, logBytes, favourites } };
  };

  /** Returns the client id that the server writes with; creates the document's row or renews the id if needed. */
  const ensureWriter = async (
    tx: UnitOfWork,
    userId: UserId,
    { loaded, writer }: CurrentDocument,
  ): Promise<number> => {
    if (writer && !writer.isStale && loaded.document.clockOf(writer.id) < MAX_WRITER_CLOCK) return writer.id;
    const name = userDocumentName(userId);
    const writerId = drawClientId(random, (id) => loaded.document.clockOf(id) > 0);
    if (writer) await tx.all(queries.renewWriter, { name, writerId });
    else await tx.all(queries.create, { name, ownerId: userId, writerId, at: clock.now() });
    return writerId;
  };

  const compactWhenLong = (
    userId: UserId,
    { revision, snapshotRevision, logBytes }: LoadedDocument,
  ): void => {
    const isLong = revision - snapshotRevision > COMPACT_AFTER_UPDATES || logBytes > COMPACT_AFTER_BYTES;
    if (!isLong || compacting.has(userId)) return;
    compacting.add(userId);
    background(compact(userDocumentName(userId)).finally(() => compacting.delete(userId)));
  };

  /** Compacts through a fresh document, because it drops deleted content; merging the updates would keep it. */
  const compact = async (name: string): Promise<void> => {
    const { document, revision } = await load(database.read, name);
    const snapshot = document.diff();
    await database.write(async (tx) => {
      if (await tx.first(queries.compact, { name, revision, snapshot })) {
        await tx.all(queries.deleteUpdatesUpTo, { name, revision });
      }
    });
  };

  const emptyDocument = (): LoadedDocument => ({
    document: createUserDocument(limits),
    revision: 0,
    snapshotRevision: 0,
    logBytes: 0,
    favourites: new Map(),
  });

  return {
    read: async (userId, stateVector) => {
      const { state } = checkStateVector(stateVector, limits.documentStateVectorEntries);
      if (state !== "fine") throw new DocumentRefusal(state, "not a valid state vector");
      return queue.run(userId, async () => {
        const {
          loaded: { document },
        } = await loadCurrent(database.read, userId);
        return { update: document.diff(stateVector), stateVector: document.stateVector() };
      });
    },

    apply: async (userId, bytes, origin) => {
      if (bytes.length > limits.documentBytes)
        throw new DocumentRefusal("tooLarge", "larger than a document may be");
      const check = checkUpdate(bytes);
      if (check.state === "malformed") throw new DocumentRefusal("malformed", check.fault);
      return queue.run(userId, () =>
        change<ApplyOutcome>(
          userId,
          async (tx, current) => {
            const { loaded } = current;
            // Keep it out of the cache until the commit: a unit that fails or runs again must load it from rows.
            cache.drop(userId);
            const applied = loaded.document.apply(bytes, check.update);
            if (applied.state !== "stored") {
              if (current.writer) cache.set(userId, loaded);
              return { answer: applied };
            }
            if (!current.writer) await ensureWriter(tx, userId, current);
            const stored = await store(tx, userId, { loaded, change: applied.change });
            return { answer: { state: "stored", update: stored.update }, stored };
          },
          origin,
        ),
      );
    },

    edit: (userId, root, act) =>
      queue.run(userId, () =>
        change(userId, async (tx, current) => {
          const { loaded } = current;
          const { entries, changes } = createEdit(loaded.document.entries(root));
          const answer = await act(tx, entries);
          if (changes.size === 0) return { answer };
          const writerId = await ensureWriter(tx, userId, current);
          cache.drop(userId);
          const change = editWithinLimit(limits, () => loaded.document.edit(writerId, root, changes));
          return change ? { answer, stored: await store(tx, userId, { loaded, change }) } : { answer };
        }),
      ),

    content: (userId) =>
      queue.run(userId, async () => {
        const {
          loaded: { document },
        } = await loadCurrent(database.read, userId);
        return {
          favourites: Object.fromEntries(document.entries("favourites")),
          settings: Object.fromEntries(document.entries("settings")),
        };
      }),

    noticeStored: async () => {
      cache.dropUnusedSince(clock.now() - IDLE_MS);
      // Only one process uses a SQLite file, and it knows what it stored.
      if (database.dialect === "sqlite" || reportedRevisionByUser.size === 0) return;
      const changed = await lookBack.read((since) => database.read.all(queries.changedSince, { since }));
      const missed = changed.filter(({ owner_id: userId, revision }) => {
        const reported = reportedRevisionByUser.get(userId);
        return reported !== undefined && reported < revision;
      });
      await Promise.all(
        missed.map(({ owner_id: userId }) => queue.run(userId, () => loadCurrent(database.read, userId))),
      );
    },

    close: () => queue.settle(),
  };
};

interface Stored {
  readonly at: number;
  readonly update: Uint8Array;
  readonly loaded: LoadedDocument;
}

/** Whether the updates start right after `revision`, have no gap, and reach at least `target`. */
const reaches = (
  updates: readonly { readonly revision: number }[],
  revision: number,
  target: number,
): boolean =>
  revision + updates.length >= target &&
  updates.every((update, index) => update.revision === revision + 1 + index);

/** Collects changes to entries without touching the document; the caller applies them when `act` has finished. */
const createEdit = (
  before: ReadonlyMap<string, unknown>,
): { readonly entries: EditedEntries; readonly changes: ReadonlyMap<string, unknown> } => {
  const after = new Map(before);
  const changes = new Map<string, unknown>();
  return {
    changes,
    entries: {
      get: (key) => after.get(key),
      has: (key) => after.has(key),
      get size() {
        return after.size;
      },
      set: (key, value) => {
        after.set(key, value);
        changes.set(key, value);
      },
      delete: (key) => {
        if (after.delete(key)) changes.set(key, undefined);
      },
    },
  };
};

const editWithinLimit = <T>({ documentBytes }: Pick<Limits, "documentBytes">, edit: () => T): T => {
  try {
    return edit();
  } catch (error) {
    if (!(error instanceof DocumentRefusal)) throw error;
    throw new AppError("limit/reached", `A document may have at most ${documentBytes} bytes.`, {
      limit: "documentBytes",
    });
  }
};
