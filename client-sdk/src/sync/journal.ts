import { USER_ROOTS, type UserRoot } from "@edvoyage/protocol";
import { putJson, remove, type Records } from "../storage/records.ts";
import { sequenceKey, sequenceOf } from "../storage/sequence.ts";
import type { Change } from "../storage/storage.ts";
import type { Edit } from "./entries.ts";

/** An edit of this student's on this device that is not known to be on the server. */
export interface JournalEntry extends Edit {
  /** Its record's key; later edits have later ones. */
  readonly id: string;
  /** The device's clock. */
  readonly at: number;
  /** The copy that it was made in; it has still to be made in any other. `null` for one that waits for its turn. */
  readonly copyId: string | null;
}

const PREFIX = "edit/";

/** A key for the edit that comes after all of a journal, whatever the clock said when they were made. */
export const nextKey = (journal: readonly JournalEntry[], id: string): string =>
  sequenceKey(PREFIX, Math.max(0, ...journal.map((entry) => sequenceOf(PREFIX, entry.id))) + 1, id);

/** In the order in which the edits were made. */
export const readJournal = async (records: Records): Promise<readonly JournalEntry[]> => {
  const stored = await records.listJson<Omit<JournalEntry, "id">>(PREFIX);
  return stored
    .filter(({ value }) => USER_ROOTS.includes(value.root))
    .map(({ key, value }) => ({ ...value, id: key }));
};

export const putEntry = ({ id, ...stored }: JournalEntry): Change => putJson(id, stored);

export const removeEntry = ({ id }: JournalEntry): Change => remove(id);

/** A document's entries as they will be when the edits that wait have been made in it. */
export const withWaiting = (
  entries: ReadonlyMap<string, unknown>,
  { root, waiting }: { readonly root: UserRoot; readonly waiting: readonly JournalEntry[] },
): ReadonlyMap<string, unknown> => {
  const result = new Map(entries);
  for (const { root: editedRoot, key, value } of waiting) {
    if (editedRoot !== root) continue;
    if (value === null) result.delete(key);
    else result.set(key, value);
  }
  return result;
};
