import { USER_ROOTS, type CommandId, type UserRoot } from "@edvoyage/protocol";
import { putJson, remove, type Records } from "../storage/records.ts";
import { idInKey, sequenceKey, sequenceOf } from "../storage/sequence.ts";
import type { Change } from "../storage/storage.ts";
import type { Edit } from "./entries.ts";

/** An edit of the student on this device that may not be on the server yet. */
export interface JournalEntry extends Edit {
  /** The key of its record. Keys increase with each edit. */
  readonly id: string;
  /** When the edit was made, by the device's clock. */
  readonly at: number;
  /**
   * The copy to which the edit was applied; it must still be applied to any other copy. `null` while it waits for its
   * turn.
   */
  readonly copyId: string | null;
}

const PREFIX = "edit/";

/** Returns a key that sorts after all keys of a journal, whatever the clock said when they were made. */
export const nextKey = (journal: readonly JournalEntry[], id: string): string =>
  sequenceKey(PREFIX, Math.max(0, ...journal.map((entry) => sequenceOf(PREFIX, entry.id))) + 1, id);

/** Returns the id of the command that an edit is for the app: the rest of its key. */
export const commandIdOf = ({ id }: Pick<JournalEntry, "id">): CommandId => idInKey(PREFIX, id) as CommandId;

/** Reads the journal, in the order in which the edits were made. */
export const readJournal = async (records: Records): Promise<readonly JournalEntry[]> => {
  const stored = await records.listJson<Omit<JournalEntry, "id">>(PREFIX);
  return stored
    .filter(({ value }) => USER_ROOTS.includes(value.root))
    .map(({ key, value }) => ({ ...value, id: key }));
};

/** Returns a change that stores a journal entry. */
export const putEntry = ({ id, ...stored }: JournalEntry): Change => putJson(id, stored);

/** Returns a change that removes a journal entry. */
export const removeEntry = ({ id }: JournalEntry): Change => remove(id);

/** Returns a document's entries as they will be after the waiting edits. */
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
