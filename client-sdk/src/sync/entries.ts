import { deviceLimits, USER_ROOTS, type UserRoot } from "@edvoyage/protocol";
import * as Y from "yjs";
import { EdVoyageError } from "../runtime/errors.ts";
import type { Json } from "./json.ts";

/** A change of one entry of a user document. */
export interface Edit {
  readonly root: UserRoot;
  readonly key: string;
  /** `null` removes it. */
  readonly value: Json;
}

/**
 * Returns the arrays of a user document by name. The call also fixes their type as arrays, whatever update arrives
 * first.
 */
export const arraysOf = (doc: Y.Doc): Readonly<Record<UserRoot, Y.Array<unknown>>> => ({
  favourites: doc.getArray("favourites"),
  settings: doc.getArray("settings"),
});

/** Returns the entries of an array. If several have one key, as after edits on two devices, the last one wins. */
export const readEntries = (doc: Y.Doc, root: UserRoot): Map<string, unknown> => {
  const valueByKey = new Map<string, unknown>();
  for (const entry of arraysOf(doc)[root]) if (isEntry(entry)) valueByKey.set(entry.key, entry.val);
  return valueByKey;
};

/** Returns the names of the arrays that a transaction has changed. */
export const changedRoots = ({ doc, changed }: Y.Transaction): readonly UserRoot[] => {
  const arrays = arraysOf(doc);
  return USER_ROOTS.filter((root) => changed.has(arrays[root]));
};

/**
 * Encodes an edit as an update, in the format of y-utility's `YKeyValue`, and leaves the document unchanged. Throws
 * `limit/reached`.
 */
export const encodeEdit = (
  doc: Y.Doc,
  { root, key, value }: Edit,
  { writerId }: { readonly writerId: number },
): Uint8Array => {
  const before = Y.encodeStateAsUpdate(doc);
  const scratch = new Y.Doc({ guid: "" });
  Y.applyUpdate(scratch, before);
  // Set only now: Yjs draws another id when it applies an update with its own.
  scratch.clientID = writerId;
  let update: Uint8Array = new Uint8Array();
  scratch.on("update", (bytes: Uint8Array) => {
    update = bytes;
  });
  const array = arraysOf(scratch)[root];
  scratch.transact(() => {
    removeKey(array, key);
    if (value !== null) array.push([{ key, val: value }]);
  });
  assertWithinLimits(scratch, before.length + update.length);
  return update;
};

/**
 * Returns whether updates are missing on which others depend. Yjs holds such updates back, and sends them with every
 * answer.
 */
export const hasHole = ({ store }: Y.Doc): boolean =>
  store.pendingStructs !== null || store.pendingDs !== null;

const removeKey = (array: Y.Array<unknown>, key: string): void => {
  const entries = array.toArray();
  // From the end, so that the earlier indexes stay valid.
  for (let index = entries.length - 1; index >= 0; index -= 1) {
    const entry = entries[index];
    if (isEntry(entry) && entry.key === key) array.delete(index);
  }
};

const assertWithinLimits = (doc: Y.Doc, sizeAtMost: number): void => {
  const { documentBytes, documentStateVectorEntries } = deviceLimits;
  if (sizeAtMost > documentBytes && Y.encodeStateAsUpdate(doc).length > documentBytes) {
    throw new EdVoyageError("limit/reached", `A document may have at most ${documentBytes} bytes.`, {
      details: { limit: "documentBytes" },
    });
  }
  if (doc.store.clients.size > documentStateVectorEntries) {
    throw new EdVoyageError("limit/reached", "Too many runs of the app have written this document.", {
      details: { limit: "documentStateVectorEntries" },
    });
  }
};

const isEntry = (entry: unknown): entry is { readonly key: string; readonly val: unknown } =>
  typeof entry === "object" &&
  entry !== null &&
  "key" in entry &&
  typeof entry.key === "string" &&
  "val" in entry;
