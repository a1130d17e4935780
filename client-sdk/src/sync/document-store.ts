import { USER_ROOTS, type CommandId, type UserRoot } from "@edvoyage/protocol";
import * as Y from "yjs";
import type { StudentContext } from "../students/student-context.ts";
import { EdVoyageError, isEdVoyageError, toEdVoyageError } from "../runtime/errors.ts";
import { createSubject, type Observable } from "../runtime/observable.ts";
import type { Change } from "../storage/storage.ts";
import { createSerialQueue } from "../runtime/serial-queue.ts";
import { createDoneWrite, createWrite, type Write } from "../outbox/write.ts";
import { drawClientId } from "./create-doc.ts";
import { STORED_ORIGIN, loadCopy, replaceCopy, type DocumentCopy } from "./document-copy.ts";
import { changedRoots, encodeEdit, readEntries } from "./entries.ts";
import { checkKey, parseValue } from "./entry-check.ts";
import {
  commandIdOf,
  nextKey,
  putEntry,
  readJournal,
  removeEntry,
  withWaiting,
  type JournalEntry,
} from "./journal.ts";
import { isSameJson, type Json } from "./json.ts";

/** The values of a root, by key. */
export type Entries = ReadonlyMap<string, unknown>;

/** An edit that is on the device's disk, with the value that it set. */
export interface EditWrite extends Write<null> {
  readonly id: CommandId;
  readonly value: Json | undefined;
}

/** The student's document on this device: its copy, and the journal of edits that the server may not have yet. */
export interface DocumentStore {
  readonly copy: Observable<DocumentCopy>;
  /** In the order in which the edits were made. */
  readonly journal: Observable<readonly JournalEntry[]>;
  readonly entries: Readonly<Record<UserRoot, Observable<Entries>>>;
  /** See `UserDocument.edit`. */
  edit(root: UserRoot, key: string, change: (value: unknown) => unknown): Promise<EditWrite>;
  /**
   * Applies a waiting edit to the current copy, on trial: until it is confirmed, other edits wait. An edit for which
   * there is no room is given up.
   */
  applyWaitingEdit(entry: JournalEntry): Promise<void>;
  /** The edit that `applyWaitingEdit` applied last, while the server has neither confirmed nor refused it. */
  readonly onTrial: JournalEntry | undefined;
  /** Removes edits that the server has from the journal. */
  settle(entries: readonly JournalEntry[]): Promise<void>;
  /** Moves an edit that cannot be applied to the outbox, as failed. */
  giveUp(entry: JournalEntry, failure: EdVoyageError): Promise<void>;
  /**
   * Replaces the copy with a freshly fetched document; the edits of the journal then wait to be applied to it.
   * Resolves with `false` if another program has already replaced the copy.
   */
  replace(doc: Y.Doc, options: { readonly setAside: boolean }): Promise<boolean>;
  /** Reads what other programs have written. */
  refresh(): Promise<void>;
  /** Waits for running writes. */
  close(): Promise<void>;
}

export type DocumentStoreDeps = Pick<
  StudentContext,
  "records" | "outbox" | "clock" | "randomBytes" | "newId" | "report" | "peers"
>;

/** Opens the document that is stored on the device. */
export const openDocumentStore = async (deps: DocumentStoreDeps): Promise<DocumentStore> => {
  const { records, randomBytes, newId, clock } = deps;
  const runSerially = createSerialQueue();
  const topic = deps.peers && `document ${deps.peers.name}`;
  let isClosed = false;
  let onTrial: JournalEntry | undefined;
  /** Used only by scratch copies: a document that is both edited and updated under one id would draw another one. */
  let writerId = drawClientId(randomBytes);

  const journal = createSubject<readonly JournalEntry[]>(await readJournal(records));
  const copy = createSubject(await loadCopy(deps));
  const waiting = (): readonly JournalEntry[] =>
    journal.value.filter(({ copyId }) => copyId !== copy.value.id);
  const entriesOf = (root: UserRoot): Entries =>
    withWaiting(readEntries(copy.value.doc, root), { root, waiting: waiting() });
  const entries = {
    favourites: createSubject(entriesOf("favourites")),
    settings: createSubject(entriesOf("settings")),
  };

  const publishRoots = (roots: readonly UserRoot[]): void => {
    for (const root of roots) entries[root].set(entriesOf(root));
  };

  const publishJournal = (next: readonly JournalEntry[]): void => {
    const waitingBefore = waiting();
    if (!next.some(({ id }) => id === onTrial?.id)) onTrial = undefined;
    journal.set(next);
    const touched = [...waitingBefore, ...waiting()].map(({ root }) => root);
    publishRoots(USER_ROOTS.filter((root) => touched.includes(root)));
  };

  const publishCopy = (next: DocumentCopy): void => {
    const old = copy.value;
    onTrial = undefined;
    copy.set(next);
    publishRoots(USER_ROOTS);
    old.doc.destroy();
  };

  const notifyPeers = (): void => {
    if (topic) deps.peers?.peers.broadcast(topic);
  };

  /** Writes all changes or none. They are on the disk when this resolves. */
  const write = async (changes: readonly Change[]): Promise<void> => {
    if (isClosed) throw new EdVoyageError("closed", "This student's store is closed.");
    try {
      await records.write(changes);
    } catch (error) {
      throw toEdVoyageError(error);
    }
  };

  const reportNotStored = (cause: unknown): void => {
    if (isClosed) return;
    deps.report({ kind: "not-kept", message: "A change of the document could not be stored.", cause });
  };

  /**
   * Stores an update from the server. An update that is lost here is missing in the next state vector, and is sent
   * again.
   */
  const storeRemoteUpdate = (doc: Y.Doc, update: Uint8Array): Promise<void> =>
    runSerially(async () => {
      const { value } = copy;
      if (isClosed || value.doc !== doc) return;
      const changes = value.append(update);
      await write(changes);
      value.markStored(changes);
      notifyPeers();
      if (value.shouldFold()) await value.fold();
    }).catch(reportNotStored);

  const onUpdate = (update: Uint8Array, origin: unknown, doc: Y.Doc, transaction: Y.Transaction): void => {
    if (origin !== STORED_ORIGIN) void storeRemoteUpdate(doc, update);
    if (copy.value.doc === doc) publishRoots(changedRoots(transaction));
  };

  /**
   * Applies an edit in a safe order: to a scratch copy, to the disk, and only then to the document that is shown and
   * sent.
   */
  const applyEdit = async (entry: JournalEntry): Promise<void> => {
    const { value } = copy;
    const applied = { ...entry, copyId: value.id };
    const update = encodeEdit(value.doc, entry, { writerId });
    const changes = value.append(update);
    try {
      await write([...changes, putEntry(applied)]);
    } catch (error) {
      // The clocks of this edit are in no document, so nothing was sent under them. But the disk may have stored them
      // anyway, which only the next start would show: do not use them for anything else.
      writerId = drawClientId(randomBytes);
      throw error;
    }
    notifyPeers();
    value.markStored(changes);
    // Apply the update first; otherwise a waiting edit would disappear from view for a moment.
    Y.applyUpdate(value.doc, update, STORED_ORIGIN);
    const isInJournal = journal.value.some(({ id }) => id === applied.id);
    publishJournal(
      isInJournal
        ? journal.value.map((existing) => (existing.id === applied.id ? applied : existing))
        : [...journal.value, applied],
    );
    if (value.shouldFold()) await value.fold().catch(reportNotStored);
  };

  const edit: DocumentStore["edit"] = (root, key, change) =>
    runSerially(async () => {
      checkKey(key);
      const before = entries[root].value.get(key);
      const changed = change(before) ?? undefined;
      const after = changed === undefined ? undefined : parseValue(changed);
      const commandId: CommandId = newId();
      if (isSameJson(before, after)) return { ...createDoneWrite(commandId), id: commandId, value: after };
      const id = nextKey(journal.value, commandId);
      const entry = { id, root, key, value: after ?? null, at: clock.now(), copyId: null };
      // Edits of one device are applied in order, and only one edit is on trial at a time.
      if (onTrial || waiting().length > 0) {
        await write([putEntry(entry)]);
        notifyPeers();
        publishJournal([...journal.value, entry]);
      } else {
        await applyEdit(entry);
      }
      return { ...createWrite<null>(deps.outbox, commandId), id: commandId, value: after };
    });

  const journalWithout = (removed: readonly JournalEntry[]): readonly JournalEntry[] =>
    journal.value.filter(({ id }) => !removed.some((entry) => entry.id === id));

  const settle = async (settled: readonly JournalEntry[]): Promise<void> => {
    if (settled.length === 0) return;
    if (isClosed) return;
    await deps.outbox.endEdits(settled.map(commandIdOf), settled.map(removeEntry));
    notifyPeers();
    publishJournal(journalWithout(settled));
  };

  const giveUp = async (entry: JournalEntry, failure: EdVoyageError): Promise<void> => {
    const { root, key, value } = entry;
    await deps.outbox.addAll(
      [
        {
          procedure: "document.edit",
          id: commandIdOf(entry),
          lane: "document",
          input: { root, key, value },
          failure,
        },
      ],
      [removeEntry(entry)],
    );
    notifyPeers();
    publishJournal(journalWithout([entry]));
  };

  const load = async (): Promise<void> => {
    const next = await loadCopy(deps);
    next.doc.on("update", onUpdate);
    publishCopy(next);
  };

  const store: DocumentStore = {
    copy,
    journal,
    entries,
    edit,
    get onTrial() {
      return onTrial;
    },
    applyWaitingEdit: (entry) =>
      runSerially(async () => {
        // The journal may have changed while this call waited for its turn.
        if (!waiting().some(({ id }) => id === entry.id)) return;
        if (isSameJson(readEntries(copy.value.doc, entry.root).get(entry.key) ?? null, entry.value)) {
          return settle([entry]);
        }
        try {
          await applyEdit(entry);
          onTrial = entry;
        } catch (error) {
          // The fetched document has no room for this edit. Give it up, so that it does not block the others.
          if (!isEdVoyageError(error) || error.reason !== "limit/reached") throw error;
          await giveUp(entry, error);
        }
      }),
    settle: (settled) => runSerially(() => settle(settled)),
    giveUp: (entry, failure) => runSerially(() => giveUp(entry, failure)),
    replace: (doc, { setAside }) =>
      runSerially(async () => {
        // Subscribe before the document is encoded: updates that arrive during the write are then stored in their
        // turn.
        doc.on("update", onUpdate);
        const next = await replaceCopy(deps, copy.value, { doc, setAside }).catch((error: unknown) => {
          doc.off("update", onUpdate);
          throw toEdVoyageError(error);
        });
        if (next) publishCopy(next);
        else await load();
        notifyPeers();
        return next !== undefined;
      }),
    refresh: () =>
      runSerially(async () => {
        if (isClosed) return;
        // Read the journal before the updates: every edit in the journal is then in the copy too.
        const next = await readJournal(records);
        if (!(await copy.value.readUpdates())) await load();
        publishJournal(next);
      }),
    close: () => {
      isClosed = true;
      return runSerially(async () => copy.value.doc.destroy());
    },
  };

  copy.value.doc.on("update", onUpdate);
  return store;
};
