import type { Database, UnitOfWork } from "@edvoyage/db";
import { userDocumentName, type UserId, type UserRoot } from "@edvoyage/protocol";
import { MINUTE_MS } from "../platform/clock.ts";
import type { Random } from "../platform/crypto.ts";
import { createLookBack } from "../platform/look-back.ts";
import { drawClientId } from "./client-id.ts";
import { createEdit, editWithinLimit, type EditedEntries } from "./document-edit.ts";
import { DocumentRefusal } from "./document-refusal.ts";
import { documentQueries as queries, refreshFavourites } from "./documents.store.ts";
import { createKeyedQueue } from "./keyed-queue.ts";
import {
  createLoadedDocuments,
  type CurrentDocument,
  type LoadedDocument,
  type LoadedDocumentsDeps,
  type UpdateOrigin,
} from "./loaded-documents.ts";
import { checkStateVector, checkUpdate } from "./update-check.ts";
import type { Change } from "./user-document.ts";

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

export interface DocumentsDeps extends LoadedDocumentsDeps {
  readonly database: Database;
  readonly random: Random;
  /** Runs a task that no reply waits for. */
  readonly background: (task: Promise<unknown>) => void;
}

/** An update log with more updates or bytes than this is compacted into a snapshot. */
const COMPACT_AFTER_UPDATES = 64;
const COMPACT_AFTER_BYTES = 64 * 1024;
const IDLE_MS = 5 * MINUTE_MS;
/** The search for changes goes back this far, so that a late commit or another node's clock hides none. */
const CHANGE_OVERLAP_MS = MINUTE_MS;
/** A server writer id that has used this many clocks is replaced: a hostile device can write under any id. */
const MAX_WRITER_CLOCK = 2 ** 30;

/** A committed update, and the document that it led to. */
interface Stored {
  readonly at: number;
  readonly update: Uint8Array;
  readonly loaded: LoadedDocument;
}

export const createDocuments = (deps: DocumentsDeps): Documents => {
  const { database, clock, limits, random, background, onStored } = deps;
  const queue = createKeyedQueue<UserId>();
  const lookBack = createLookBack(clock, CHANGE_OVERLAP_MS);
  const loadedDocuments = createLoadedDocuments({ clock, limits, onStored });
  const compacting = new Set<UserId>();

  /** Runs a unit of work on the locked document; after the commit it caches and reports the new state. */
  const change = async <T>(
    userId: UserId,
    unit: (tx: UnitOfWork, current: CurrentDocument) => Promise<{ answer: T; stored?: Stored }>,
    origin?: UpdateOrigin,
  ): Promise<T> => {
    const { answer, stored } = await database.write(async (tx) => {
      await tx.lock(`document:${userDocumentName(userId)}`);
      return unit(tx, await loadedDocuments.loadCurrent(tx, userId));
    });
    if (!stored) return answer;
    loadedDocuments.keep(userId, stored.loaded);
    loadedDocuments.noteReported(userId, stored.loaded.revision);
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
    const { document, revision } = await loadedDocuments.load(database.read, name);
    const snapshot = document.diff();
    await database.write(async (tx) => {
      if (await tx.first(queries.compact, { name, revision, snapshot })) {
        await tx.all(queries.deleteUpdatesUpTo, { name, revision });
      }
    });
  };

  return {
    read: async (userId, stateVector) => {
      const { state } = checkStateVector(stateVector, limits.documentStateVectorEntries);
      if (state !== "fine") throw new DocumentRefusal(state, "not a valid state vector");
      return queue.run(userId, async () => {
        const {
          loaded: { document },
        } = await loadedDocuments.loadCurrent(database.read, userId);
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
            loadedDocuments.drop(userId);
            const applied = loaded.document.apply(bytes, check.update);
            if (applied.state !== "stored") {
              if (current.writer) loadedDocuments.keep(userId, loaded);
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
          loadedDocuments.drop(userId);
          const change = editWithinLimit(limits, () => loaded.document.edit(writerId, root, changes));
          return change ? { answer, stored: await store(tx, userId, { loaded, change }) } : { answer };
        }),
      ),

    content: (userId) =>
      queue.run(userId, async () => {
        const {
          loaded: { document },
        } = await loadedDocuments.loadCurrent(database.read, userId);
        return {
          favourites: Object.fromEntries(document.entries("favourites")),
          settings: Object.fromEntries(document.entries("settings")),
        };
      }),

    noticeStored: async () => {
      loadedDocuments.dropUnusedSince(clock.monotonicNow() - IDLE_MS);
      // Only one process uses a SQLite file, and it knows what it stored.
      if (database.dialect === "sqlite" || !loadedDocuments.hasReported()) return;
      const changed = await lookBack.read((since) => database.read.all(queries.changedSince, { since }));
      const missed = changed.filter(({ owner_id: userId, revision }) => {
        const reported = loadedDocuments.reportedRevision(userId);
        return reported !== undefined && reported < revision;
      });
      await Promise.all(
        missed.map(({ owner_id: userId }) =>
          queue.run(userId, () => loadedDocuments.loadCurrent(database.read, userId)),
        ),
      );
    },

    close: () => queue.settle(),
  };
};
