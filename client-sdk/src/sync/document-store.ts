import { USER_ROOTS, type UserRoot } from "@edvoyage/protocol";
import * as Y from "yjs";
import type { StudentContext } from "../students/student-context.ts";
import { EdVoyageError, isEdVoyageError, toEdVoyageError } from "../runtime/errors.ts";
import { createSubject, type Observable } from "../runtime/observable.ts";
import type { Change } from "../storage/storage.ts";
import { createSerialQueue } from "../runtime/serial-queue.ts";
import { drawClientId } from "./create-doc.ts";
import { KEPT, loadCopy, replaceCopy, type DocumentCopy } from "./document-copy.ts";
import { changedRoots, encodeEdit, readEntries } from "./entries.ts";
import { checkKey, parseValue } from "./entry-check.ts";
import { nextKey, putEntry, readJournal, removeEntry, withWaiting, type JournalEntry } from "./journal.ts";
import { isSameJson, type Json } from "./json.ts";

/** By key. */
export type Entries = ReadonlyMap<string, unknown>;

/** The student's document on this device: its copy, and the journal of edits that the server may not have. */
export interface DocumentStore {
  readonly copy: Observable<DocumentCopy>;
  /** In the order in which the edits were made. */
  readonly journal: Observable<readonly JournalEntry[]>;
  readonly entries: Readonly<Record<UserRoot, Observable<Entries>>>;
  /** See `UserDocument.edit`. */
  edit(root: UserRoot, key: string, change: (value: unknown) => unknown): Promise<Json | undefined>;
  /**
   * Makes an edit that waits in the copy that counts, where it is on trial: other edits wait meanwhile. One for which
   * there is no room is given up.
   */
  makeWaiting(entry: JournalEntry): Promise<void>;
  /** The edit that was made last by `makeWaiting` and not decided on since. */
  readonly onTrial: JournalEntry | undefined;
  /** The server has these: they leave the journal. */
  settle(entries: readonly JournalEntry[]): Promise<void>;
  /** An edit that cannot be made moves to the outbox, as failed. */
  giveUp(entry: JournalEntry, failure: EdVoyageError): Promise<void>;
  /**
   * Puts a document that was fetched afresh in the place of the copy; what the journal has waits to be made in it.
   * Resolves with `false` when another program has done so before.
   */
  replace(doc: Y.Doc, options: { readonly setAside: boolean }): Promise<boolean>;
  /** Takes over what other programs have written. */
  refresh(): Promise<void>;
  /** Waits for what is being written. */
  close(): Promise<void>;
}

export type DocumentStoreDeps = Pick<
  StudentContext,
  "records" | "outbox" | "clock" | "randomBytes" | "newId" | "report" | "peers"
>;

/** Reads what the device has. */
export const openDocumentStore = async (deps: DocumentStoreDeps): Promise<DocumentStore> => {
  const { records, randomBytes, newId, clock } = deps;
  const inTurn = createSerialQueue();
  const topic = deps.peers && `document ${deps.peers.name}`;
  let isClosed = false;
  let onTrial: JournalEntry | undefined;
  /** Used by scratch copies alone: a document that is edited and updated under one id would draw another. */
  let writerId = drawClientId(randomBytes);

  const journal = createSubject<readonly JournalEntry[]>(await readJournal(records));
  const copy = createSubject(await loadCopy(deps));
  const waiting = (): readonly JournalEntry[] =>
    journal.value.filter(({ copyId }) => copyId !== copy.value.id);
  const view = (root: UserRoot): Entries =>
    withWaiting(readEntries(copy.value.doc, root), { root, waiting: waiting() });
  const entries = {
    favourites: createSubject(view("favourites")),
    settings: createSubject(view("settings")),
  };

  const show = (roots: readonly UserRoot[]): void => {
    for (const root of roots) entries[root].set(view(root));
  };

  const showJournal = (next: readonly JournalEntry[]): void => {
    const before = waiting();
    if (!next.some(({ id }) => id === onTrial?.id)) onTrial = undefined;
    journal.set(next);
    const touched = [...before, ...waiting()].map(({ root }) => root);
    show(USER_ROOTS.filter((root) => touched.includes(root)));
  };

  const showCopy = (next: DocumentCopy): void => {
    const old = copy.value;
    onTrial = undefined;
    copy.set(next);
    show(USER_ROOTS);
    old.doc.destroy();
  };

  const tell = (): void => {
    if (topic) deps.peers?.peers.broadcast(topic);
  };

  /** What was written is on the disk when this resolves, or nothing of it was. */
  const write = async (changes: readonly Change[]): Promise<void> => {
    if (isClosed) throw new EdVoyageError("closed", "This student's store is closed.");
    try {
      await records.write(changes);
    } catch (error) {
      throw toEdVoyageError(error);
    }
  };

  const notKept = (cause: unknown): void => {
    if (isClosed) return;
    deps.report({ kind: "not-kept", message: "A change of the document could not be kept.", cause });
  };

  /** Keeps what came from the server. What is lost here is lacking in the next state vector, and comes again. */
  const keepRemote = (doc: Y.Doc, update: Uint8Array): Promise<void> =>
    inTurn(async () => {
      const { value } = copy;
      if (isClosed || value.doc !== doc) return;
      const changes = value.append(update);
      await write(changes);
      value.noteKept(changes);
      if (value.isLong()) await value.fold();
    }).catch(notKept);

  const onUpdate = (update: Uint8Array, origin: unknown, doc: Y.Doc, transaction: Y.Transaction): void => {
    if (origin !== KEPT) void keepRemote(doc, update);
    if (copy.value.doc === doc) show(changedRoots(transaction));
  };

  /** The order in which an edit comes to be: on a scratch copy, on the disk, and only then in what is shown and sent. */
  const make = async (entry: JournalEntry): Promise<void> => {
    const { value } = copy;
    const made = { ...entry, copyId: value.id };
    const update = encodeEdit(value.doc, entry, { writerId });
    const changes = value.append(update);
    try {
      await write([...changes, putEntry(made)]);
    } catch (error) {
      // Its clocks are in no document, so nothing was sent under them. But whether the disk has kept them after all
      // only the next start would tell: they are not used for anything else.
      writerId = drawClientId(randomBytes);
      throw error;
    }
    tell();
    value.noteKept(changes);
    // First: an edit that has waited would else be gone from what is shown for a moment.
    Y.applyUpdate(value.doc, update, KEPT);
    const isKnown = journal.value.some(({ id }) => id === made.id);
    showJournal(
      isKnown ? journal.value.map((one) => (one.id === made.id ? made : one)) : [...journal.value, made],
    );
    if (value.isLong()) await value.fold().catch(notKept);
  };

  const edit: DocumentStore["edit"] = (root, key, change) =>
    inTurn(async () => {
      checkKey(key);
      const before = entries[root].value.get(key);
      const wanted = change(before) ?? undefined;
      const after = wanted === undefined ? undefined : parseValue(wanted);
      if (isSameJson(before, after)) return after;
      const id = nextKey(journal.value, newId());
      const entry = { id, root, key, value: after ?? null, at: clock.now(), copyId: null };
      // Edits of one device are made in their order, and one that is on trial is on trial alone.
      if (onTrial || waiting().length > 0) {
        await write([putEntry(entry)]);
        tell();
        showJournal([...journal.value, entry]);
      } else {
        await make(entry);
      }
      return after;
    });

  const without = (gone: readonly JournalEntry[]): readonly JournalEntry[] =>
    journal.value.filter(({ id }) => !gone.some((one) => one.id === id));

  const settle = async (settled: readonly JournalEntry[]): Promise<void> => {
    if (settled.length === 0) return;
    await write(settled.map(removeEntry));
    tell();
    showJournal(without(settled));
  };

  const giveUp = async (entry: JournalEntry, failure: EdVoyageError): Promise<void> => {
    const { root, key, value } = entry;
    await deps.outbox.addAll(
      [{ procedure: "document.edit", lane: "document", input: { root, key, value }, failure }],
      [removeEntry(entry)],
    );
    tell();
    showJournal(without([entry]));
  };

  const load = async (): Promise<void> => {
    const next = await loadCopy(deps);
    next.doc.on("update", onUpdate);
    showCopy(next);
  };

  const store: DocumentStore = {
    copy,
    journal,
    entries,
    edit,
    get onTrial() {
      return onTrial;
    },
    makeWaiting: (entry) =>
      inTurn(async () => {
        // The journal may have changed while this waited.
        if (!waiting().some(({ id }) => id === entry.id)) return;
        if (isSameJson(readEntries(copy.value.doc, entry.root).get(entry.key) ?? null, entry.value)) {
          return settle([entry]);
        }
        try {
          await make(entry);
          onTrial = entry;
        } catch (error) {
          // There is no room for it in what was fetched: it must not keep the others waiting.
          if (!isEdVoyageError(error) || error.reason !== "limit/reached") throw error;
          await giveUp(entry, error);
        }
      }),
    settle: (settled) => inTurn(() => settle(settled)),
    giveUp: (entry, failure) => inTurn(() => giveUp(entry, failure)),
    replace: (doc, { setAside }) =>
      inTurn(async () => {
        // Before it is encoded: what comes while that is being written is kept in its turn.
        doc.on("update", onUpdate);
        const next = await replaceCopy(deps, copy.value, { doc, setAside }).catch((error: unknown) => {
          doc.off("update", onUpdate);
          throw toEdVoyageError(error);
        });
        if (next) showCopy(next);
        else await load();
        tell();
        return next !== undefined;
      }),
    refresh: () =>
      inTurn(async () => {
        if (isClosed) return;
        // Before the updates: an edit of the journal is then in the copy too.
        const next = await readJournal(records);
        if (!(await copy.value.readNews())) await load();
        showJournal(next);
      }),
    close: () => {
      isClosed = true;
      return inTurn(async () => copy.value.doc.destroy());
    },
  };

  copy.value.doc.on("update", onUpdate);
  return store;
};
