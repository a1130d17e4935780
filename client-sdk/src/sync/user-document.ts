import type { CommandId, UserRoot } from "@edvoyage/protocol";
import { derive, type Observable } from "../runtime/observable.ts";
import { openDocumentStore, type DocumentStoreDeps, type EditWrite, type Entries } from "./document-store.ts";
import { commandIdOf } from "./journal.ts";
import { createDocumentSync, type DocumentSyncDeps } from "./document-sync.ts";

/**
 * The document that all devices of a student write: favourites and settings. An edit is on this device's disk when
 * its promise resolves. It reaches the server and the other devices when there is a connection, and is merged with
 * their edits.
 */
export interface UserDocument {
  /** The entries by key. A root is a new object only when it has changed. Do not change values in place. */
  readonly entries: Readonly<Record<UserRoot, Observable<Entries>>>;
  /** The number of edits on this device that may not be on the server's disk yet. */
  readonly pending: Observable<number>;
  /**
   * Sets a key to the result of `change`, which receives the current value; `undefined` and `null` stand for none.
   * Edits run one after the other. An edit that changes nothing is not recorded. Resolves with the new value once it
   * is on the disk; `settled` waits for the server. Throws `device/full`, `device/failed`, `closed`, `input/invalid`, `limit/reached`, and the errors
   * of `change`; nothing has changed then, here or on the server.
   */
  edit(root: UserRoot, key: string, change: (value: unknown) => unknown): Promise<EditWrite>;
  /** Returns whether an edit has not reached the server yet. */
  isPending(id: CommandId): boolean;
  /** Stops, after waiting for running writes. The stored data stays. */
  close(): Promise<void>;
}

export type UserDocumentDeps = DocumentStoreDeps & Omit<DocumentSyncDeps, "store">;

/** Opens the student's document from their store, and starts to synchronize it. */
export const createUserDocument = async (deps: UserDocumentDeps): Promise<UserDocument> => {
  const store = await openDocumentStore(deps);
  const sync = createDocumentSync({ ...deps, store });
  let isClosed = false;
  const refresh = (): void => {
    store.refresh().catch((cause: unknown) => {
      if (isClosed) return;
      deps.report({ kind: "fault", message: "The changes of another tab could not be read.", cause });
    });
  };
  const stopListening = deps.peers?.peers.subscribe((topic) => {
    if (topic === `document ${deps.peers?.name}`) refresh();
  });
  // Messages of other tabs were missed while the document was being opened.
  if (deps.peers) refresh();

  return {
    entries: store.entries,
    pending: derive([store.journal], () => store.journal.value.length),
    edit: async (root, key, change) => {
      const write = await store.edit(root, key, change);
      if (!deps.outbox.isDurable) await write.settled;
      return write;
    },
    isPending: (id) => store.journal.value.some((entry) => commandIdOf(entry) === id),
    close: async () => {
      isClosed = true;
      stopListening?.();
      sync.close();
      await store.close();
    },
  };
};
