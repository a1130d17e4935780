import { parseFavouriteKey, USER_ROOTS, type Limits, type UserRoot } from "@edvoyage/protocol";
import * as Y from "yjs";
import { DocumentRefusal } from "./document-refusal.ts";
import { TimeLimitError, withTimeLimit } from "./time-limit.ts";
import type { CheckedUpdate } from "./update-check.ts";

/** One student's document in memory. Only this code passes bytes of a client to Yjs. */
export interface UserDocument {
  /** Applies stored updates, all in one transaction. */
  load(updates: readonly Uint8Array[]): void;
  /**
   * Applies a client's update that has passed `checkUpdate`. Throws `DocumentRefusal`. After any error the document may be
   * half changed and must not be used any more.
   */
  apply(bytes: Uint8Array, check: CheckedUpdate): Applied;
  /**
   * Sets entries of an array, or removes them with `undefined`. Returns `undefined` when nothing changed. Throws like
   * `apply`.
   */
  edit(writerId: number, root: UserRoot, changes: EntryChanges): Change | undefined;
  /** The values by key. Of several entries with one key the last counts, as in every `YKeyValue`. */
  entries(root: UserRoot): ReadonlyMap<string, unknown>;
  /** When each favourite was added, by key; rounded to whole milliseconds, whatever the device wrote. */
  favourites(): ReadonlyMap<string, number>;
  /** Returns what a client with this state vector lacks. Default: the whole document. */
  diff(stateVector?: Uint8Array): Uint8Array;
  stateVector(): Uint8Array;
  /** The number of clocks that a client id has used. */
  clockOf(client: number): number;
  /** The encoded size: an upper bound that is exact near the limit. */
  sizeBytes(): number;
}

/** New values by key; `undefined` removes an entry. */
export type EntryChanges = ReadonlyMap<string, unknown>;

/** A change as a Yjs update, and the arrays that it changed. */
export interface Change {
  readonly bytes: Uint8Array;
  readonly roots: readonly UserRoot[];
}

/** The result of applying a client's update. */
export type Applied =
  | { readonly state: "stored"; readonly change: Change }
  | { readonly state: "unchanged" }
  /**
   * The update depends on missing changes and was not applied; otherwise Yjs would keep it for ever and encode it into
   * every reply.
   */
  | { readonly state: "gap" };

type DocumentLimits = Pick<Limits, "documentBytes" | "documentStateVectorEntries">;

/** An update that takes at most this many steps in Yjs runs without a time limit. One step takes about 0.2 µs. */
const UNLIMITED_STEPS = 100_000;
/** Time limit of one update. Far above what an honest one takes; hundreds of concurrent inserts at one place reach it. */
const APPLY_LIMIT_MS = 250;

export const createUserDocument = (limits: DocumentLimits): UserDocument => {
  const doc = new Y.Doc({ gc: true, guid: "" });
  // Declare the roots before any update is applied, so that an update cannot give them another type.
  const arrays = {
    favourites: doc.getArray("favourites"),
    settings: doc.getArray("settings"),
  } satisfies Record<UserRoot, Y.Array<unknown>>;
  let reportedChanges: Change[] = [];
  doc.on("update", (bytes: Uint8Array, _origin: unknown, _doc: Y.Doc, { changed }: Y.Transaction) => {
    reportedChanges.push({ bytes, roots: USER_ROOTS.filter((root) => changed.has(arrays[root])) });
  });
  let maxSizeBytes = 0;

  const takeChange = (): Change | undefined => {
    const [change, ...more] = reportedChanges;
    reportedChanges = [];
    if (more.length > 0) throw new Error("Yjs reported one change of a document as several");
    if (change) maxSizeBytes += change.bytes.length;
    return change;
  };

  const sizeBytes = (): number => {
    if (maxSizeBytes > limits.documentBytes) maxSizeBytes = Y.encodeStateAsUpdate(doc).length;
    return maxSizeBytes;
  };

  const assertWithinLimits = (): void => {
    if (doc.store.clients.size > limits.documentStateVectorEntries) {
      throw new DocumentRefusal("tooLarge", "too many writers");
    }
    if (sizeBytes() > limits.documentBytes)
      throw new DocumentRefusal("tooLarge", "a document that is too large");
  };

  const hasGap = ({ brings, needs, hasSkips }: CheckedUpdate): boolean => {
    if (hasSkips) return true;
    for (const [client, { first }] of brings) if (first > Y.getState(doc.store, client)) return true;
    for (const [client, end] of needs) {
      if (end > Y.getState(doc.store, client) && end > (brings.get(client)?.end ?? 0)) return true;
    }
    return false;
  };

  /** Upper bound of the work in Yjs: each item is compared with those at the same place, each delete shifts what follows. */
  const maxSteps = ({ operations, entries }: CheckedUpdate): number => {
    let structs = 0;
    for (const clientStructs of doc.store.clients.values()) structs += clientStructs.length;
    return operations * (structs + arrays.favourites.length + arrays.settings.length + operations + entries);
  };

  return {
    load: (updates) => {
      doc.transact(() => {
        for (const update of updates) Y.applyUpdate(doc, update);
      });
      reportedChanges = [];
      maxSizeBytes = updates.reduce((sum, update) => sum + update.length, maxSizeBytes);
    },

    apply: (bytes, check) => {
      if (hasGap(check)) return { state: "gap" };
      const isLong = maxSteps(check) > UNLIMITED_STEPS;
      runLimited(isLong, () => Y.applyUpdate(doc, bytes));
      // Items that depend on each other in a circle stay pending.
      if (doc.store.pendingStructs ?? doc.store.pendingDs)
        throw new DocumentRefusal("malformed", "items that depend on each other in a circle");
      const change = takeChange();
      if (!change) return { state: "unchanged" };
      for (const root of change.roots) assertEntries(root, arrays[root]);
      if (check.hasRightOrigins) assertOrder(doc, check);
      if (doc.share.size !== USER_ROOTS.length) throw new DocumentRefusal("malformed", "an unknown root");
      assertWithinLimits();
      // The document will be loaded often, so loading it must stay within the time limit too.
      if (isLong) runLimited(true, () => Y.applyUpdate(new Y.Doc(), Y.encodeStateAsUpdate(doc)));
      return { state: "stored", change };
    },

    edit: (writerId, root, changes) => {
      const array = arrays[root];
      const ownClientId = doc.clientID;
      doc.clientID = writerId;
      try {
        doc.transact(() => {
          deleteEntries(array, changes);
          const added = [...changes].flatMap(([key, val]) => (val === undefined ? [] : [{ key, val }]));
          if (added.length > 0) array.push(added);
        });
      } finally {
        // Otherwise Yjs sees a clash when another node's update arrives under the id that this document writes with.
        doc.clientID = ownClientId;
      }
      const change = takeChange();
      if (change) assertWithinLimits();
      return change;
    },

    entries: (root) => {
      const valueByKey = new Map<string, unknown>();
      for (const entry of arrays[root]) if (isEntry(entry)) valueByKey.set(entry.key, entry.val);
      return valueByKey;
    },

    favourites: () => {
      const addedAtByKey = new Map<string, number>();
      for (const entry of arrays.favourites) {
        if (isFavourite(entry)) addedAtByKey.set(entry.key, toMilliseconds(entry.val.addedAt));
      }
      return addedAtByKey;
    },

    diff: (stateVector) => Y.encodeStateAsUpdate(doc, stateVector),
    stateVector: () => Y.encodeStateVector(doc),
    clockOf: (client) => Y.getState(doc.store, client),
    sizeBytes,
  };
};

interface Entry {
  readonly key: string;
  readonly val: unknown;
}

const isEntry = (entry: unknown): entry is Entry =>
  typeof entry === "object" &&
  entry !== null &&
  Object.hasOwn(entry, "key") &&
  Object.hasOwn(entry, "val") &&
  "key" in entry &&
  typeof entry.key === "string";

const isFavourite = (
  entry: unknown,
): entry is { readonly key: string; readonly val: { readonly addedAt: number } } => {
  if (!isEntry(entry) || !parseFavouriteKey(entry.key)) return false;
  const { val } = entry;
  return (
    typeof val === "object" &&
    val !== null &&
    Object.keys(val).length === 1 &&
    "addedAt" in val &&
    typeof val.addedAt === "number" &&
    Number.isFinite(val.addedAt)
  );
};

const isEntryOf: Readonly<Record<UserRoot, (entry: unknown) => boolean>> = {
  favourites: isFavourite,
  settings: isEntry,
};

const assertEntries = (root: UserRoot, array: Y.Array<unknown>): void => {
  // Check after applying: only Yjs can tell which array an item is in, because most items name only their neighbours.
  for (const entry of array) {
    if (!isEntryOf[root](entry)) throw new DocumentRefusal("malformed", `not an entry of ${root}`);
  }
};

/**
 * Asserts that every new item stands between its two origins. An item with impossible origins, such as a left one that
 * comes after it, would stand elsewhere in a copy that got the items in another order: memory, disk and devices would
 * differ.
 */
const assertOrder = (doc: Y.Doc, { brings }: CheckedUpdate): void => {
  const placeByItem = new Map<Y.AbstractStruct, { readonly root: string; readonly index: number }>();
  for (const [root, { _start: start }] of doc.share) {
    for (let item = start, index = 0; item; item = item.right, index += 1)
      placeByItem.set(item, { root, index });
  }
  const placeOf = (id: Y.ID | null) => (id ? placeByItem.get(Y.getItem(doc.store, id)) : undefined);
  for (const [client, { first }] of brings) {
    for (const item of (doc.store.clients.get(client) ?? []).toReversed()) {
      if (item.id.clock + item.length <= first) break;
      if (!(item instanceof Y.Item) || !item.rightOrigin) continue;
      const [left, place, right] = [placeOf(item.origin), placeByItem.get(item), placeOf(item.rightOrigin)];
      const isInOrder =
        place &&
        right?.root === place.root &&
        place.index < right.index &&
        (!item.origin || (left?.root === place.root && left.index < place.index));
      if (!isInOrder) throw new DocumentRefusal("malformed", "an item that is not between its origins");
    }
  }
};

const deleteEntries = (array: Y.Array<unknown>, changes: EntryChanges): void => {
  // From the end, so that the remaining indexes stay valid. After a merge a key may occur several times.
  for (const [index, entry] of [...array.toArray().entries()].toReversed()) {
    if (isEntry(entry) && changes.has(entry.key)) array.delete(index);
  }
};

const toMilliseconds = (addedAt: number): number =>
  Math.trunc(Math.min(Math.max(addedAt, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)) + 0;

const runLimited = (isLong: boolean, work: () => void): void => {
  if (!isLong) return work();
  try {
    withTimeLimit(APPLY_LIMIT_MS, work);
  } catch (error) {
    if (error instanceof TimeLimitError)
      throw new DocumentRefusal("tooLarge", "an update that takes too long");
    throw error;
  }
};
