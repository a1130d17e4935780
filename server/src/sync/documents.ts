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

/** What became of a client's update. */
export type ApplyOutcome =
  /** Committed; `update` is what of it was new. */
  | { readonly state: "stored"; readonly update: Uint8Array }
  /** Nothing of it was new. */
  | { readonly state: "unchanged" }
  /** It leans on what is not here, and was dropped: ask the client for what it has (sync step 1). No offence. */
  | { readonly state: "gap" };

/** Tells apart who caused an update; `undefined` for the server itself and other nodes. */
export type UpdateOrigin = object | undefined;

/** Whence an update came, and when. */
export interface UpdateSource {
  readonly origin: UpdateOrigin;
  /** The instant that its row bears, just before its commit; `undefined` where it is no longer there as such. */
  readonly at: number | undefined;
}

/** One of the arrays of a document while it is edited, as a map. */
export interface EditedEntries {
  get(key: string): unknown;
  has(key: string): boolean;
  set(key: string, value: unknown): void;
  delete(key: string): void;
  readonly size: number;
}

/** The documents that students' devices write. What a promise or `onStored` tells has been committed. */
export interface Documents {
  /**
   * What a client with this state vector lacks (Yjs update V1), and the server's own state vector.
   * Throws `DocumentRefusal` for a state vector that is malformed (4422) or too large (4413).
   */
  read(
    userId: UserId,
    stateVector: Uint8Array,
  ): Promise<{ readonly update: Uint8Array; readonly stateVector: Uint8Array }>;
  /**
   * Judges a client's update and, when it is news, commits it; `origin` comes back in `onStored`.
   * Throws `DocumentRefusal` for what is malformed (4422) or would make the document too large (4413).
   */
  apply(userId: UserId, update: Uint8Array, origin?: UpdateOrigin): Promise<ApplyOutcome>;
  /**
   * Edits one of the arrays for a client without Yjs, in one unit of work with what `act` does; when `act` throws,
   * nothing of either is kept. `act` may run twice, as any unit of work. Throws `limit/reached`.
   */
  edit<T>(
    userId: UserId,
    root: UserRoot,
    act: (tx: UnitOfWork, entries: EditedEntries) => Promise<T>,
  ): Promise<T>;
  /** What the document says: each array's entries by key. */
  content(userId: UserId): Promise<Readonly<Record<UserRoot, Readonly<Record<string, unknown>>>>>;
  /**
   * Reports what other processes stored for documents that were read here, and forgets documents that nobody uses.
   * Called several times a second.
   */
  noticeStored(): Promise<void>;
  /** Finishes what was asked for. */
  close(): Promise<void>;
}

export interface DocumentsDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "documentBytes" | "documentStateVectorEntries">;
  readonly random: Random;
  /** Runs what a reply does not wait for. */
  readonly background: (task: Promise<unknown>) => void;
  /** Called after the commit of every update, in their order within a document; must not throw. */
  readonly onStored: (userId: UserId, update: Uint8Array, source: UpdateSource) => void;
}

/** A log of more updates or bytes than this is made into a snapshot. */
const COMPACT_AFTER_UPDATES = 64;
const COMPACT_AFTER_BYTES = 64 * 1024;
/** Encoded bytes of the documents in memory, where one takes about ten times as much. */
const CACHE_BYTES = 16 * 1024 * 1024;
/** A document of no bytes takes memory too. */
const CACHE_BYTES_PER_DOCUMENT = 4 * 1024;
const IDLE_MS = 5 * MINUTE_MS;
/** Changes are looked for this far back, so that a late commit or another node's clock hides none. */
const CHANGE_OVERLAP_MS = MINUTE_MS;
/** Students whose sockets this process told of their documents. Far more than it can have sockets. */
const MAX_TOLD = 200_000;
/** A compaction may come between two queries of one load. */
const LOAD_ATTEMPTS = 5;
/** A server's writer that has used this many clocks is replaced: a hostile device can write under any id. */
const MAX_WRITER_CLOCK = 2 ** 30;

/** A document as of a committed revision. */
interface Held {
  readonly document: UserDocument;
  readonly revision: number;
  readonly snapshotRevision: number;
  /** Of the updates since the snapshot. */
  readonly logBytes: number;
  readonly favourites: FavouriteTimes;
}

interface Writer {
  readonly id: number;
  /** Drawn in an earlier life of the database: what it wrote since may have been undone. */
  readonly isStale: boolean;
}

interface Obtained {
  readonly held: Held;
  /** Absent while the document has no row. */
  readonly writer: Writer | undefined;
}

export const createDocuments = (deps: DocumentsDeps): Documents => {
  const { database, clock, limits, random, background, onStored } = deps;
  const turns = createKeyedQueue<UserId>();
  const lookBack = createLookBack(clock, CHANGE_OVERLAP_MS);
  const cache = createDocumentCache<Held>({
    maxBytes: CACHE_BYTES,
    sizeOf: ({ document }) => document.sizeBytes() + CACHE_BYTES_PER_DOCUMENT,
    now: () => clock.now(),
  });
  /** By student, the revision up to which `onStored` was told or `read` answered. */
  const toldRevisionByUser = new Map<UserId, number>();
  const compacting = new Set<UserId>();

  const noteTold = (userId: UserId, revision: number): void => {
    toldRevisionByUser.delete(userId);
    toldRevisionByUser.set(userId, revision);
    if (toldRevisionByUser.size <= MAX_TOLD) return;
    const oldest = toldRevisionByUser.keys().next();
    if (!oldest.done) toldRevisionByUser.delete(oldest.value);
  };

  /** The document as the database has it now; tells what other nodes have stored since it was last told. */
  const obtain = async (from: Queries, userId: UserId): Promise<Obtained> => {
    const name = userDocumentName(userId);
    const row = await from.first(queries.state, { name });
    if (!row) {
      cache.drop(userId);
      // Whoever reads it now is to hear of its first update too, on whichever node that is made.
      if (!toldRevisionByUser.has(userId)) noteTold(userId, 0);
      return { held: emptyHeld(), writer: undefined };
    }
    const writer = { id: row.writer_id, isStale: row.epoch !== row.current_epoch };
    const known = cache.get(userId);
    // What throws on the way may have changed half of it.
    cache.drop(userId);
    const held = (known && (await catchUp(from, { name, known, row }))) ?? (await load(from, name));
    cache.set(userId, held);
    await tellMissed(from, userId, held);
    return { held, writer };
  };

  /** `undefined` when the updates in between are no longer there one by one. */
  const catchUp = async (
    from: Queries,
    {
      name,
      known,
      row,
    }: {
      readonly name: string;
      readonly known: Held;
      readonly row: { readonly revision: number; readonly snapshot_revision: number };
    },
  ): Promise<Held | undefined> => {
    const isCompacted = row.snapshot_revision > known.snapshotRevision;
    const snapshotRevision = row.snapshot_revision;
    const logBytes = isCompacted ? 0 : known.logBytes;
    if (known.revision === row.revision) return { ...known, snapshotRevision, logBytes };
    if (known.revision > row.revision) return undefined;
    const updates = await from.all(queries.updatesAfter, { name, revision: known.revision });
    if (!reaches(updates, known.revision, row.revision)) return undefined;
    known.document.load(updates.map(({ bytes }) => bytes));
    return {
      document: known.document,
      revision: known.revision + updates.length,
      snapshotRevision,
      logBytes: updates.reduce((sum, { bytes }) => sum + bytes.length, logBytes),
      favourites: known.document.favourites(),
    };
  };

  const load = async (from: Queries, name: string): Promise<Held> => {
    for (let attempt = 1; attempt <= LOAD_ATTEMPTS; attempt += 1) {
      const row = await from.first(queries.snapshot, { name });
      if (!row) return emptyHeld();
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
    throw new Error("The update log of a document has a hole");
  };

  const tellMissed = async (from: Queries, userId: UserId, held: Held): Promise<void> => {
    const told = toldRevisionByUser.get(userId) ?? held.revision;
    if (told >= held.revision) return noteTold(userId, held.revision);
    const updates = await from.all(queries.updatesAfter, { name: userDocumentName(userId), revision: told });
    const missed = updates.slice(0, held.revision - told);
    const isWhole = reaches(updates, told, held.revision);
    for (const { bytes, at } of isWhole ? missed : [{ bytes: held.document.diff(), at: undefined }])
      onStored(userId, bytes, { origin: undefined, at });
    // Not before they were read: what cannot be read now is told at the next look.
    noteTold(userId, held.revision);
  };

  /** Runs a unit on the document, under its lock, and keeps in memory what it made once that is committed. */
  const change = async <T>(
    userId: UserId,
    unit: (tx: UnitOfWork, obtained: Obtained) => Promise<{ answer: T; stored?: Stored }>,
    origin?: UpdateOrigin,
  ): Promise<T> => {
    const { answer, stored } = await database.write(async (tx) => {
      await tx.lock(`document:${userDocumentName(userId)}`);
      return unit(tx, await obtain(tx, userId));
    });
    if (!stored) return answer;
    cache.set(userId, stored.held);
    noteTold(userId, stored.held.revision);
    onStored(userId, stored.update, { origin, at: stored.at });
    compactWhenLong(userId, stored.held);
    return answer;
  };

  const store = async (
    tx: UnitOfWork,
    userId: UserId,
    { held, change: { bytes, roots } }: { readonly held: Held; readonly change: Change },
  ): Promise<Stored> => {
    const name = userDocumentName(userId);
    const at = clock.now();
    const revision = held.revision + 1;
    await tx.all(queries.append, { name, revision, bytes, at });
    await tx.all(queries.advance, { name, revision, at });
    const favourites = roots.includes("favourites") ? held.document.favourites() : held.favourites;
    await refreshFavourites(tx, userId, { before: held.favourites, after: favourites });
    const logBytes = held.logBytes + bytes.length;
    return { at, update: bytes, held: { ...held, revision, logBytes, favourites } };
  };

  /** The id that the server writes with, for a document that is about to have something stored. */
  const ensureWriter = async (
    tx: UnitOfWork,
    userId: UserId,
    { held, writer }: Obtained,
  ): Promise<number> => {
    if (writer && !writer.isStale && held.document.clockOf(writer.id) < MAX_WRITER_CLOCK) return writer.id;
    const name = userDocumentName(userId);
    const writerId = drawClientId(random, (id) => held.document.clockOf(id) > 0);
    if (writer) await tx.all(queries.renewWriter, { name, writerId });
    else await tx.all(queries.create, { name, ownerId: userId, writerId, at: clock.now() });
    return writerId;
  };

  const compactWhenLong = (userId: UserId, { revision, snapshotRevision, logBytes }: Held): void => {
    const isLong = revision - snapshotRevision > COMPACT_AFTER_UPDATES || logBytes > COMPACT_AFTER_BYTES;
    if (!isLong || compacting.has(userId)) return;
    compacting.add(userId);
    background(compact(userDocumentName(userId)).finally(() => compacting.delete(userId)));
  };

  /** Merging updates would keep what was deleted: a fresh document collects it. */
  const compact = async (name: string): Promise<void> => {
    const { document, revision } = await load(database.read, name);
    const snapshot = document.diff();
    await database.write(async (tx) => {
      if (await tx.first(queries.compact, { name, revision, snapshot })) {
        await tx.all(queries.deleteUpdatesUpTo, { name, revision });
      }
    });
  };

  const emptyHeld = (): Held => ({
    document: createUserDocument(limits),
    revision: 0,
    snapshotRevision: 0,
    logBytes: 0,
    favourites: new Map(),
  });

  return {
    read: async (userId, stateVector) => {
      const { state } = checkStateVector(stateVector, limits.documentStateVectorEntries);
      if (state !== "fine") throw new DocumentRefusal(state, "a state vector that no client of ours sends");
      return turns.run(userId, async () => {
        const {
          held: { document },
        } = await obtain(database.read, userId);
        return { update: document.diff(stateVector), stateVector: document.stateVector() };
      });
    },

    apply: async (userId, bytes, origin) => {
      if (bytes.length > limits.documentBytes)
        throw new DocumentRefusal("tooLarge", "larger than a document");
      const check = checkUpdate(bytes);
      if (check.state === "malformed") throw new DocumentRefusal("malformed", check.fault);
      return turns.run(userId, () =>
        change<ApplyOutcome>(
          userId,
          async (tx, obtained) => {
            const { held } = obtained;
            // Out of memory until its new state is committed: a unit that fails, or runs again, loads it from rows.
            cache.drop(userId);
            const applied = held.document.apply(bytes, check.update);
            if (applied.state !== "stored") {
              if (obtained.writer) cache.set(userId, held);
              return { answer: applied };
            }
            if (!obtained.writer) await ensureWriter(tx, userId, obtained);
            const stored = await store(tx, userId, { held, change: applied.change });
            return { answer: { state: "stored", update: stored.update }, stored };
          },
          origin,
        ),
      );
    },

    edit: (userId, root, act) =>
      turns.run(userId, () =>
        change(userId, async (tx, obtained) => {
          const { held } = obtained;
          const { entries, changes } = createEdit(held.document.entries(root));
          const answer = await act(tx, entries);
          if (changes.size === 0) return { answer };
          const writerId = await ensureWriter(tx, userId, obtained);
          cache.drop(userId);
          const made = editWithin(limits, () => held.document.edit(writerId, root, changes));
          return made ? { answer, stored: await store(tx, userId, { held, change: made }) } : { answer };
        }),
      ),

    content: (userId) =>
      turns.run(userId, async () => {
        const {
          held: { document },
        } = await obtain(database.read, userId);
        return {
          favourites: Object.fromEntries(document.entries("favourites")),
          settings: Object.fromEntries(document.entries("settings")),
        };
      }),

    noticeStored: async () => {
      cache.dropUnusedSince(clock.now() - IDLE_MS);
      // A SQLite file has one process, which knows what it stored.
      if (database.dialect === "sqlite" || toldRevisionByUser.size === 0) return;
      const changed = await lookBack.read((since) => database.read.all(queries.changedSince, { since }));
      const missed = changed.filter(({ owner_id: userId, revision }) => {
        const told = toldRevisionByUser.get(userId);
        return told !== undefined && told < revision;
      });
      await Promise.all(
        missed.map(({ owner_id: userId }) => turns.run(userId, () => obtain(database.read, userId))),
      );
    },

    close: () => turns.settle(),
  };
};

interface Stored {
  readonly at: number;
  readonly update: Uint8Array;
  readonly held: Held;
}

/** Whether updates follow each other from the one after `revision` up to `target` at least. */
const reaches = (
  updates: readonly { readonly revision: number }[],
  revision: number,
  target: number,
): boolean =>
  revision + updates.length >= target &&
  updates.every((update, index) => update.revision === revision + 1 + index);

/** Collects changes to entries without touching the document: they are made once `act` is through. */
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

const editWithin = <T>({ documentBytes }: Pick<Limits, "documentBytes">, edit: () => T): T => {
  try {
    return edit();
  } catch (error) {
    if (!(error instanceof DocumentRefusal)) throw error;
    throw new AppError("limit/reached", `A document has ${documentBytes} bytes at the most.`, {
      limit: "documentBytes",
    });
  }
};
