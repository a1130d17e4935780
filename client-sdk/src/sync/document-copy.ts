import * as Y from "yjs";
import type { NewId, RandomBytes } from "../runtime/ids.ts";
import { putBytes, putJson, remove, type Records } from "../storage/records.ts";
import type { Change } from "../storage/storage.ts";
import { createDoc } from "./create-doc.ts";

/**
 * One copy of the student's document and its records: `document/update/<copy>/<id>` an update, and `document/copy` which
 * copy counts. A copy that is given up leaves nothing behind that a later one could be mistaken for.
 */
export interface DocumentCopy {
  readonly id: string;
  /** Changed by updates alone, never edited: it must have no clock that is not on the disk. */
  readonly doc: Y.Doc;
  /** Keeps an update; to be made part of a write that `noteKept` is told of. */
  append(update: Uint8Array): readonly Change[];
  /** These changes are on the disk. */
  noteKept(changes: readonly Change[]): void;
  /** Applies what other programs have kept. Resolves with `false` when another copy counts by now. */
  readNews(): Promise<boolean>;
  /** Makes many updates one, in one write. */
  fold(): Promise<void>;
  /** Whether there are so many that folding pays. */
  isLong(): boolean;
}

interface CopyDeps {
  readonly records: Records;
  readonly newId: NewId;
  readonly randomBytes: RandomBytes;
}

/** The origin of updates that come from the disk, or are on it already. */
export const KEPT = "kept";

const CURRENT = "document/copy";
const UPDATES = "document/update/";
const ASIDE = "aside/document";
const FOLD_AFTER = 50;

/** Reads the copy that counts; an empty new one when there is none. */
export const loadCopy = async (deps: CopyDeps): Promise<DocumentCopy> => {
  const id = await deps.records.getJson<string>(CURRENT);
  const copy = createCopy(deps, {
    id: id ?? deps.newId(),
    doc: createDoc(deps.randomBytes),
    isNamed: id !== undefined,
  });
  await copy.readNews();
  return copy;
};

/**
 * Puts another document in the place of a copy, in one write; with `setAside` the last state of the old one is kept
 * under `aside/document`. Resolves with `undefined` when another program was quicker.
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
  copy.noteKept(changes);
  return copy;
};

const createCopy = (
  { records, newId }: CopyDeps,
  { id, doc, isNamed }: { readonly id: string; readonly doc: Y.Doc; readonly isNamed: boolean },
): DocumentCopy => {
  const prefix = `${UPDATES}${id}/`;
  /** Keys of the records that the document has. */
  let known: ReadonlySet<string> = new Set();
  let isCurrent = isNamed;

  const read = async (): Promise<readonly string[]> => {
    const updates = await records.listBytes(prefix);
    doc.transact(() => {
      for (const { key, value } of updates) if (!known.has(key)) Y.applyUpdate(doc, value, KEPT);
    }, KEPT);
    const keys = updates.map(({ key }) => key);
    known = new Set(keys);
    return keys;
  };

  const copy: DocumentCopy = {
    id,
    doc,
    append: (update) => [
      ...(isCurrent ? [] : [putJson(CURRENT, id)]),
      putBytes(`${prefix}${newId()}`, update),
    ],
    noteKept: (changes) => {
      isCurrent = true;
      known = new Set([...known, ...changes.map(({ key }) => key).filter((key) => key.startsWith(prefix))]);
    },
    readNews: async () => {
      const current = await records.getJson<string>(CURRENT);
      if (current !== undefined && current !== id) return false;
      isCurrent = current === id;
      await read();
      return true;
    },
    fold: async () => {
      // Exactly these go: what another program adds meanwhile stays.
      const keys = await read();
      const changes = copy.append(Y.encodeStateAsUpdate(doc));
      await records.write([...keys.map(remove), ...changes]);
      known = new Set();
      copy.noteKept(changes);
    },
    isLong: () => known.size > FOLD_AFTER,
  };
  return copy;
};
