import type { UserRoot } from "@edvoyage/protocol";
import { derive, type Observable } from "../runtime/observable.ts";
import { openDocumentStore, type DocumentStoreDeps, type Entries } from "./document-store.ts";
import { createDocumentSync, type DocumentSyncDeps } from "./document-sync.ts";
import type { Json } from "./json.ts";

/**
 * The document that the devices of one student write: her favourites and her settings. Edits are on this device's disk
 * when their promise resolves, reach the server and the other devices when there is a way, and are merged with theirs.
 */
export interface UserDocument {
  /** By key, each another object only when its array has changed. What is in it is not to be changed in place. */
  readonly entries: Readonly<Record<UserRoot, Observable<Entries>>>;
  /** How many edits of this device are not known to be on the server's disk. */
  readonly pending: Observable<number>;
  /**
   * Sets a key to what `change` makes of its value; `undefined` and `null` stand for none. Edits are made one after
   * the other; one that changes nothing leaves no trace. Resolves with the new value once that is on the disk.
   * Throws `device/full`, `device/failed`, `closed`, `input/invalid`, `limit/reached` and what `change` throws: then
   * nothing has changed, here or on the server.
   */
  edit(root: UserRoot, key: string, change: (value: unknown) => unknown): Promise<Json | undefined>;
  /** Stops; what is kept stays. Waits for what is being written. */
  close(): Promise<void>;
}

export type UserDocumentDeps = DocumentStoreDeps & Omit<DocumentSyncDeps, "store">;

/** Reads the student's document from her store, and begins to bring it to the server. */
export const createUserDocument = async (deps: UserDocumentDeps): Promise<UserDocument> => {
  const store = await openDocumentStore(deps);
  const sync = createDocumentSync({ ...deps, store });
  let isClosed = false;
  const refresh = (): void => {
    store.refresh().catch((cause: unknown) => {
      if (isClosed) return;
      deps.report({ kind: "fault", message: "What another tab has written could not be read.", cause });
    });
  };
  const stopHearing = deps.peers?.peers.subscribe((topic) => {
    if (topic === `document ${deps.peers?.name}`) refresh();
  });
  // What another tab has written while this one was opened was told to nobody here.
  if (deps.peers) refresh();

  return {
    entries: store.entries,
    pending: derive([store.journal], () => store.journal.value.length),
    edit: store.edit,
    close: async () => {
      isClosed = true;
      stopHearing?.();
      sync.close();
      await store.close();
    },
  };
};
