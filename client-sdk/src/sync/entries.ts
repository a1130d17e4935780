import { deviceLimits, USER_ROOTS, type UserRoot } from "@edvoyage/protocol";
import * as Y from "yjs";
import { EdVoyageError } from "../runtime/errors.ts";
import type { Json } from "./json.ts";

/** What becomes of one entry of a user document. */
export interface Edit {
  readonly root: UserRoot;
  readonly key: string;
  /** `null` removes it. */
  readonly value: Json;
}

/** The arrays of a user document by name; asking for them makes them arrays, whatever comes first. */
export const arraysOf = (doc: Y.Doc): Readonly<Record<UserRoot, Y.Array<unknown>>> => ({
  favourites: doc.getArray("favourites"),
  settings: doc.getArray("settings"),
});

/** The entries of an array. Of several with one key, as two devices leave them, the last counts. */
export const readEntries = (doc: Y.Doc, root: UserRoot): Map<string, unknown> => {
  const valueByKey = new Map<string, unknown>();
  for (const entry of arraysOf(doc)[root]) if (isEntry(entry)) valueByKey.set(entry.key, entry.val);
  return valueByKey;
};

/** The arrays that a transaction has changed. */
export const changedRoots = ({ doc, changed }: Y.Transaction): readonly UserRoot[] => {
  const arrays = arraysOf(doc);
  return USER_ROOTS.filter((root) => changed.has(arrays[root]));
};

/**
 * Makes an edit on a copy of a document, as y-utility's `YKeyValue` would, and returns it as an update; the document
 * stays as it is. Throws `limit/reached`.
 */
export const encodeEdit = (
  doc: Y.Doc,
  { root, key, value }: Edit,
  { writerId }: { readonly writerId: number },
): Uint8Array => {
  const before = Y.encodeStateAsUpdate(doc);
  const scratch = new Y.Doc({ guid: "" });
  Y.applyUpdate(scratch, before);
  // Not sooner: Yjs draws another id when it is given an update of its own.
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

/** Whether something is missing that the rest leans on. Yjs keeps such a rest apart, and sends it with every answer. */
export const hasHole = ({ store }: Y.Doc): boolean =>
  store.pendingStructs !== null || store.pendingDs !== null;

const removeKey = (array: Y.Array<unknown>, key: string): void => {
  const entries = array.toArray();
  // From the end, so that what is left keeps its place.
  for (let index = entries.length - 1; index >= 0; index -= 1) {
    const entry = entries[index];
    if (isEntry(entry) && entry.key === key) array.delete(index);
  }
};

const assertWithinLimits = (doc: Y.Doc, sizeAtMost: number): void => {
  const { documentBytes, documentStateVectorEntries } = deviceLimits;
  if (sizeAtMost > documentBytes && Y.encodeStateAsUpdate(doc).length > documentBytes) {
    throw new EdVoyageError("limit/reached", `A document has ${documentBytes} bytes at the most.`, {
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
