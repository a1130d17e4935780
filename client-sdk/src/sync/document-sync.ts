import { CLOSE_CODES, userDocumentName, type CloseCode } from "@edvoyage/protocol";
import type * as Y from "yjs";
import type { StudentContext } from "../students/student-context.ts";
import { EdVoyageError } from "../runtime/errors.ts";
import { createBackoffTimer } from "../runtime/backoff-timer.ts";
import { createDoc } from "./create-doc.ts";
import type { DocumentStore } from "./document-store.ts";
import { hasHole } from "./entries.ts";
import type { JournalEntry } from "./journal.ts";
import type { DocumentSocket, Sockets } from "./sockets.ts";

/** Brings the student's document to the server and back, until it is closed. */
export interface DocumentSync {
  close(): void;
}

export interface DocumentSyncDeps extends Pick<
  StudentContext,
  "userId" | "clock" | "randomBytes" | "report" | "peers"
> {
  readonly store: DocumentStore;
  readonly sockets: Pick<Sockets, "open">;
  /** Called for every hint, and at every connection for those that were sent while there was none. */
  readonly onInboxHint?: (() => void) | undefined;
}

const REFUSED = new EdVoyageError("document/refused", "The server does not take this edit.");

/**
 * Connects the copy of the document, and empties the journal as the server gets what is in it.
 *
 * A copy that the server refuses is not connected again: another is fetched, and takes its place on the disk in one
 * write once it is here. From then on the journal's edits are those of another copy, wherever the program ends: they
 * are made again one at a time, each confirmed before the next, so that a refusal says which one it is about.
 */
export const createDocumentSync = (deps: DocumentSyncDeps): DocumentSync => {
  const { store, report } = deps;
  const name = userDocumentName(deps.userId);
  /** To the copy, or to one that is being fetched. */
  let link: { readonly doc: Y.Doc; readonly socket: DocumentSocket } | undefined;
  /** One program makes the edits that wait: two would each give up the one that is refused. */
  let isMaker = !deps.peers;
  let isBusy = false;
  let isClosed = false;
  /** The link was refused, and this edit is to blame if there is one. */
  let refusal: { readonly guilty: JournalEntry | undefined } | undefined;
  /** Whether the copy that is to be replaced has more than what was fetched and the edit on trial. */
  let mustSetAside = false;

  const connect = (doc: Y.Doc): void => {
    link?.socket.close();
    const socket = deps.sockets.open(name, doc, {
      onSynced: synced,
      onRefused: refused,
      ...(deps.onInboxHint ? { onInboxHint: deps.onInboxHint } : {}),
    });
    link = { doc, socket };
  };

  const isCopy = (doc: Y.Doc | undefined): boolean => doc === store.copy.value.doc;

  /** Counts until the server confirms something: one that refuses everything is not asked again and again. */
  const refusals = createBackoffTimer({ ...deps, onOver: () => connect(createDoc(deps.randomBytes)) });
  const forbidden = createBackoffTimer({ ...deps, onOver: () => link && connect(link.doc) });
  /** The device could not write. */
  const faults = createBackoffTimer({ ...deps, onOver: () => advance() });

  /** What there is to do now: one thing at a time. */
  const nextStep = (): (() => Promise<void>) | undefined => {
    if (refusal) return startOver;
    if (!link?.socket.isSynced) return undefined;
    const { doc, socket } = link;
    if (!isCopy(doc)) return () => takeOver(doc);
    const made = store.journal.value.filter(({ copyId }) => copyId === store.copy.value.id);
    if (made.length > 0 || refusals.failures > 0) return () => confirm(socket, made);
    const waiting = store.journal.value[0];
    return waiting && isMaker ? () => store.makeWaiting(waiting) : undefined;
  };

  const advance = (): void => {
    if (isClosed || isBusy) return;
    const step = nextStep();
    if (!step) return;
    isBusy = true;
    step()
      .catch((cause: unknown) => {
        if (isClosed) return;
        report({ kind: "not-kept", message: "The document could not be brought up to date.", cause });
        faults.fail();
      })
      .finally(() => {
        isBusy = false;
        if (!faults.isWaiting) advance();
      });
  };

  const synced = (): void => {
    forbidden.reset();
    deps.onInboxHint?.();
    // What is missing was lost on this device before it was sent. The server would ask for it again and again.
    if (link && isCopy(link.doc) && hasHole(link.doc)) {
      link.socket.close();
      refusal = { guilty: undefined };
    }
    advance();
  };

  const refused = (code: CloseCode): void => {
    if (code === CLOSE_CODES.forbidden) {
      if (forbidden.failures === 0) report({ kind: "fault", message: "The server denies the document." });
      return forbidden.fail();
    }
    refusal = { guilty: isCopy(link?.doc) ? store.onTrial : undefined };
    advance();
  };

  const startOver = async (): Promise<void> => {
    const guilty = refusal?.guilty;
    refusal = undefined;
    mustSetAside ||= !guilty;
    try {
      if (guilty) await store.giveUp(guilty, REFUSED);
      // One edit less: that is getting on.
      if (guilty) refusals.reset();
    } finally {
      if (!isClosed) refusals.fail();
    }
  };

  const takeOver = async (doc: Y.Doc): Promise<void> => {
    const isReplaced = await store.replace(doc, { setAside: mustSetAside });
    mustSetAside = false;
    if (!isReplaced) return;
    report({ kind: "document-rebuilt", message: "The server refused the document: it was fetched afresh." });
  };

  const confirm = async (socket: DocumentSocket, made: readonly JournalEntry[]): Promise<void> => {
    const isConfirmed = await socket.barrier().then(
      () => true,
      // The socket was closed, and whoever closed it goes on from there.
      () => false,
    );
    if (!isConfirmed) return;
    refusals.reset();
    await store.settle(made);
    faults.reset();
  };

  const leave = [
    store.journal.subscribe(advance),
    store.copy.subscribe(() => {
      // Another program has put another copy in the place of this one.
      if (isCopy(link?.doc)) return;
      refusal = undefined;
      refusals.reset();
      connect(store.copy.value.doc);
    }),
    deps.peers?.peers.acquire(`document ${deps.peers.name}`, (lost) => {
      isMaker = true;
      lost?.addEventListener("abort", () => (isMaker = false));
      advance();
    }),
  ];
  connect(store.copy.value.doc);

  return {
    close: () => {
      isClosed = true;
      for (const stop of leave) stop?.();
      for (const wait of [refusals, forbidden, faults]) wait.reset();
      link?.socket.close();
    },
  };
};
