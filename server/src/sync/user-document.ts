import { parseFavouriteKey, USER_ROOTS, type Limits, type UserRoot } from "@edvoyage/protocol";
import * as Y from "yjs";
import { DocumentRefusal } from "./document-refusal.ts";
import { TimeLimitError, withTimeLimit } from "./time-limit.ts";
import type { CheckedUpdate } from "./update-check.ts";

/** One student's document in memory: the only code that shows bytes of a client to Yjs. */
export interface UserDocument {
  /** Applies updates of ours, all in one step. */
  load(updates: readonly Uint8Array[]): void;
  /**
   * Applies a client's update that has passed `checkUpdate`. Throws `DocumentRefusal`; after that, or any other
   * throw, the document may be half changed and is of no further use.
   */
  apply(bytes: Uint8Array, check: CheckedUpdate): Applied;
  /** Sets and, with `undefined`, removes entries of an array; `undefined` when nothing changed. Throws as `apply`. */
  edit(writerId: number, root: UserRoot, changes: EntryChanges): Change | undefined;
  /** By key. Of several entries with one key the last counts, as in every `YKeyValue`. */
  entries(root: UserRoot): ReadonlyMap<string, unknown>;
  /** By key, when each favourite was added: whole milliseconds, whatever the device wrote. */
  favourites(): ReadonlyMap<string, number>;
  /** What a client with this state vector lacks; all of it without one. */
  diff(stateVector?: Uint8Array): Uint8Array;
  stateVector(): Uint8Array;
  /** How many clocks a client id has used. */
  clockOf(client: number): number;
  /** Encoded; never less than it is, and exact once it is near the limit. */
  sizeBytes(): number;
}

/** By key; `undefined` removes. */
export type EntryChanges = ReadonlyMap<string, unknown>;

/** What was new, as Yjs encodes it, and the arrays that it changed. */
export interface Change {
  readonly bytes: Uint8Array;
  readonly roots: readonly UserRoot[];
}

/** What became of a client's update. */
export type Applied =
  | { readonly state: "stored"; readonly change: Change }
  | { readonly state: "unchanged" }
  /** It leans on what is not there. Nothing was applied: Yjs would keep it for ever, and encode it into every answer. */
  | { readonly state: "gap" };

type DocumentLimits = Pick<Limits, "documentBytes" | "documentStateVectorEntries">;

/** Steps of Yjs, at the most, below which an update needs no watch. One takes some 0.2 µs. */
const UNWATCHED_STEPS = 100_000;
/** Far from what an honest update takes; reached by hundreds of concurrent inserts at one place. */
const WATCHED_MS = 250;

export const createUserDocument = (limits: DocumentLimits): UserDocument => {
  const doc = new Y.Doc({ gc: true, guid: "" });
  // Declared before anything is applied, so that they are arrays whatever comes first.
  const arrays = {
    favourites: doc.getArray("favourites"),
    settings: doc.getArray("settings"),
  } satisfies Record<UserRoot, Y.Array<unknown>>;
  let told: Change[] = [];
  doc.on("update", (bytes: Uint8Array, _origin: unknown, _doc: Y.Doc, { changed }: Y.Transaction) => {
    told.push({ bytes, roots: USER_ROOTS.filter((root) => changed.has(arrays[root])) });
  });
  let sizeAtMost = 0;

  const takeChange = (): Change | undefined => {
    const [change, ...more] = told;
    told = [];
    if (more.length > 0) throw new Error("One change of a document was told as several");
    if (change) sizeAtMost += change.bytes.length;
    return change;
  };

  const sizeBytes = (): number => {
    if (sizeAtMost > limits.documentBytes) sizeAtMost = Y.encodeStateAsUpdate(doc).length;
    return sizeAtMost;
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

  /** Yjs looks at what stands at the same place for each item, and shifts what follows for each delete. */
  const stepsAtMost = ({ operations, entries }: CheckedUpdate): number => {
    let structs = 0;
    for (const ofClient of doc.store.clients.values()) structs += ofClient.length;
    return operations * (structs + arrays.favourites.length + arrays.settings.length + operations + entries);
  };

  return {
    load: (updates) => {
      doc.transact(() => {
        for (const update of updates) Y.applyUpdate(doc, update);
      });
      told = [];
      sizeAtMost = updates.reduce((sum, update) => sum + update.length, sizeAtMost);
    },

    apply: (bytes, check) => {
      if (hasGap(check)) return { state: "gap" };
      const isLong = stepsAtMost(check) > UNWATCHED_STEPS;
      watch(isLong, () => Y.applyUpdate(doc, bytes));
      // Items that wait for each other in a circle.
      if (doc.store.pendingStructs ?? doc.store.pendingDs) throw new DocumentRefusal("malformed", "a circle");
      const change = takeChange();
      if (!change) return { state: "unchanged" };
      for (const root of change.roots) assertEntries(root, arrays[root]);
      if (check.hasRightOrigins) assertOrder(doc, check);
      if (doc.share.size !== USER_ROOTS.length) throw new DocumentRefusal("malformed", "an unknown root");
      assertWithinLimits();
      // It will be loaded again and again: that may not take longer than this once.
      if (isLong) watch(true, () => Y.applyUpdate(new Y.Doc(), Y.encodeStateAsUpdate(doc)));
      return { state: "stored", change };
    },

    edit: (writerId, root, changes) => {
      const array = arrays[root];
      const own = doc.clientID;
      doc.clientID = writerId;
      try {
        doc.transact(() => {
          deleteEntries(array, changes);
          const added = [...changes].flatMap(([key, val]) => (val === undefined ? [] : [{ key, val }]));
          if (added.length > 0) array.push(added);
        });
      } finally {
        // Yjs takes it for a clash when an update of another node comes in under the id that it writes with.
        doc.clientID = own;
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
  // Which array an item is in, only Yjs can tell: most name nothing but their neighbours.
  for (const entry of array) {
    if (!isEntryOf[root](entry)) throw new DocumentRefusal("malformed", `not an entry of ${root}`);
  }
};

/**
 * An item stands between those that it was inserted between. One that says otherwise, such as right of what comes
 * after, stands elsewhere in a document that met its items in another order: memory, disk and devices would differ.
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
      if (!isInOrder) throw new DocumentRefusal("malformed", "an item that is not where it says");
    }
  }
};

const deleteEntries = (array: Y.Array<unknown>, changes: EntryChanges): void => {
  // From the end, so that what is left keeps its place; a key may be there several times after a merge.
  for (const [index, entry] of [...array.toArray().entries()].toReversed()) {
    if (isEntry(entry) && changes.has(entry.key)) array.delete(index);
  }
};

const toMilliseconds = (addedAt: number): number =>
  Math.trunc(Math.min(Math.max(addedAt, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)) + 0;

const watch = (isLong: boolean, work: () => void): void => {
  if (!isLong) return work();
  try {
    withTimeLimit(WATCHED_MS, work);
  } catch (error) {
    if (error instanceof TimeLimitError)
      throw new DocumentRefusal("tooLarge", "an update that takes too long");
    throw error;
  }
};
