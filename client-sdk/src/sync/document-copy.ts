import * as Y from "yjs";
import type { NewId, RandomBytes } from "../runtime/ids.ts";
import { putBytes, putJson, remove, type Records } from "../storage/records.ts";
import type { Change } from "../storage/storage.ts";
import { createDoc } from "./create-doc.ts";

/**
 * A copy of the student's document and its records: `document/update/<copy>/<id>` holds an update, and
 * `document/copy` names the current copy. A copy that is given up leaves no records that a later one could mistake
 * for its own.
 */
export interface DocumentCopy {
  readonly id: string;
  /** Changed only by applying updates, never edited: it must have no clock that is not on the disk. */
  readonly doc: Y.Doc;
  /** Returns the changes that store an update. Write them, then call `markStored` with them. */
  append(update: Uint8Array): readonly Change[];
  /** Call it when these changes are on the disk. */
  markStored(changes: readonly Change[]): void;
  /** Applies the updates that other programs have stored. Resolves with `false` if this copy was replaced. */
  readUpdates(): Promise<boolean>;
  /** Merges all stored updates into one, in one write. */
  fold(): Promise<void>;
  /** Returns whether there are enough updates to be worth folding. */
  shouldFold(): boolean;
}

interface CopyDeps {
  readonly records: Records;
  readonly newId: NewId;
  readonly randomBytes: RandomBytes;
}

/** The origin of updates that come from the disk, or are already on it. */
export const STORED_ORIGIN = "kept";

const CURRENT = "document/copy";
const UPDATES = "document/update/";
const ASIDE = "aside/document";
const FOLD_AFTER = 50;

/** Reads the current copy. Creates an empty one if there is none. */
export const loadCopy = async (deps: CopyDeps): Promise<DocumentCopy> => {
  const id = await deps.records.getJson<string>(CURRENT);
  const copy = createCopy(deps, {
    id: id ?? deps.newId(),
    doc: createDoc(deps.randomBytes),
    isNamed: id !== undefined,
  });
  await copy.readUpdates();
  return copy;
};

/**
 * Replaces a copy with another document, in one write. With `setAside` the last state of the old one is kept under
 * `aside/document`. Resolves with `undefined` if another program was faster.
 */
export const replaceCopy = async (
  deps: CopyDeps,
  old: DocumentCopy,
  { doc, setAside }: { readonly doc: Y.Doc; readonly setAside: boolean },
): Promise<DocumentCopy | undefined> => {
  const { records } = deps;
  const current = await records.getJson<string>(CURRENT);
  if (current !== undefined && current !== old.id) return undefined;
  const copy = createCopy(deps, { id: deps.newId(), doc, isNamed: false });
  const changes = copy.append(Y.encodeStateAsUpdate(doc));
  await records.write([
    ...(await records.keys(UPDATES)).map(remove),
    ...(setAside ? [putBytes(ASIDE, Y.encodeStateAsUpdate(old.doc))] : []),
    ...changes,
  ]);
  copy.markStored(changes);
  return copy;
};

const createCopy = (
  { records, newId }: CopyDeps,
  { id, doc, isNamed }: { readonly id: string; readonly doc: Y.Doc; readonly isNamed: boolean },
): DocumentCopy => {
  const prefix = `${UPDATES}${id}/`;
  /** The keys of the records that the document already contains. */
  let appliedKeys: ReadonlySet<string> = new Set();
  let isCurrent = isNamed;

  const read = async (): Promise<readonly string[]> => {
    const updates = await records.listBytes(prefix);
    doc.transact(() => {
      for (const { key, value } of updates)
        if (!appliedKeys.has(key)) Y.applyUpdate(doc, value, STORED_ORIGIN);
    }, STORED_ORIGIN);
    const keys = updates.map(({ key }) => key);
    appliedKeys = new Set(keys);
    return keys;
  };

  const copy: DocumentCopy = {
    id,
    doc,
    append: (update) => [
      ...(isCurrent ? [] : [putJson(CURRENT, id)]),
      putBytes(`${prefix}${newId()}`, update),
    ],
    markStored: (changes) => {
      isCurrent = true;
      appliedKeys = new Set([
        ...appliedKeys,
        ...changes.map(({ key }) => key).filter((key) => key.startsWith(prefix)),
      ]);
    },
    readUpdates: async () => {
      const current = await records.getJson<string>(CURRENT);
      if (current !== undefined && current !== id) return false;
      isCurrent = current === id;
      await read();
      return true;
    },
    fold: async () => {
      // Only these keys are removed: an update that another program adds in the meantime stays.
      const keys = await read();
      const changes = copy.append(Y.encodeStateAsUpdate(doc));
      await records.write([...keys.map(remove), ...changes]);
      appliedKeys = new Set();
      copy.markStored(changes);
    },
    shouldFold: () => appliedKeys.size > FOLD_AFTER,
  };
  return copy;
};
