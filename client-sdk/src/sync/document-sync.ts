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

/** Synchronizes the student's document with the server until it is closed. */
export interface DocumentSync {
  close(): void;
}

export interface DocumentSyncDeps extends Pick<
  StudentContext,
  "userId" | "clock" | "randomBytes" | "report" | "peers"
> {
  readonly store: DocumentStore;
  readonly sockets: Pick<Sockets, "open">;
  /** Called for every inbox hint, and after every connection, because hints sent in between were missed. */
  readonly onInboxHint?: (() => void) | undefined;
}

const REFUSED_EDIT = new EdVoyageError("document/refused", "The server does not accept this edit.");

/**
 * Connects the copy of the document, and removes edits from the journal once the server has them.
 *
 * A copy that the server refuses is not connected again. A new one is fetched, and replaces it on the disk in one
 * write. From then on the edits in the journal belong to another copy, even if the program ends at any point. They are
 * applied again one at a time, each confirmed before the next, so that a refusal identifies the edit that caused it.
 */
export const createDocumentSync = (deps: DocumentSyncDeps): DocumentSync => {
  const { store, report } = deps;
  const name = userDocumentName(deps.userId);
  /** The link to the copy, or to a document that is being fetched. */
  let link: { readonly doc: Y.Doc; readonly socket: DocumentSocket } | undefined;
  /** Only one program applies waiting edits: two programs would each give up the edit that is refused. */
  let appliesWaiting = !deps.peers;
  let isBusy = false;
  let isClosed = false;
  /** Set when the link was refused; `guilty` is the edit that caused it, if there is one. */
  let refusal: { readonly guilty: JournalEntry | undefined } | undefined;
  /** Whether the copy to replace contains more than the fetched document and the edit on trial. */
  let mustSetAside = false;

  const connect = (doc: Y.Doc): void => {
    link?.socket.close();
    const socket = deps.sockets.open(name, doc, {
      onSynced: handleSynced,
      onRefused: handleRefusal,
      ...(deps.onInboxHint ? { onInboxHint: deps.onInboxHint } : {}),
    });
    link = { doc, socket };
  };

  const isCopy = (doc: Y.Doc | undefined): boolean => doc === store.copy.value.doc;

  /**
   * Counts refusals until the server confirms something, so that a server that refuses everything is asked less and
   * less often.
   */
  const refusals = createBackoffTimer({ ...deps, onOver: () => connect(createDoc(deps.randomBytes)) });
  const forbidden = createBackoffTimer({ ...deps, onOver: () => link && connect(link.doc) });
  /** The wait after the device could not write. */
  const writeFailures = createBackoffTimer({ ...deps, onOver: () => advance() });

  /** Returns the next step. Only one step runs at a time. */
  const nextStep = (): (() => Promise<void>) | undefined => {
    if (refusal) return startOver;
    if (!link?.socket.isSynced) return undefined;
    const { doc, socket } = link;
    if (!isCopy(doc)) return () => replaceCopy(doc);
    const applied = store.journal.value.filter(({ copyId }) => copyId === store.copy.value.id);
    if (applied.length > 0 || refusals.failures > 0) return () => confirm(socket, applied);
    const waiting = store.journal.value[0];
    return waiting && appliesWaiting ? () => store.applyWaitingEdit(waiting) : undefined;
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
        writeFailures.fail();
      })
      .finally(() => {
        isBusy = false;
        if (!writeFailures.isWaiting) advance();
      });
  };

  const handleSynced = (): void => {
    forbidden.reset();
    deps.onInboxHint?.();
    // The missing updates were lost on this device before they were sent. The server would ask for them again and
    // again.
    if (link && isCopy(link.doc) && hasHole(link.doc)) {
      link.socket.close();
      refusal = { guilty: undefined };
    }
    advance();
  };

  const handleRefusal = (code: CloseCode): void => {
    if (code === CLOSE_CODES.forbidden) {
      if (forbidden.failures === 0)
        report({ kind: "fault", message: "The server denies access to the user document." });
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
      if (guilty) await store.giveUp(guilty, REFUSED_EDIT);
      // One edit less is progress.
      if (guilty) refusals.reset();
    } finally {
      if (!isClosed) refusals.fail();
    }
  };

  const replaceCopy = async (doc: Y.Doc): Promise<void> => {
    const isReplaced = await store.replace(doc, { setAside: mustSetAside });
    mustSetAside = false;
    if (!isReplaced) return;
    report({ kind: "document-rebuilt", message: "The server refused the document. It was fetched again." });
  };

  const confirm = async (socket: DocumentSocket, applied: readonly JournalEntry[]): Promise<void> => {
    const isConfirmed = await socket.barrier().then(
      () => true,
      // The socket was closed; the code that closed it continues from there.
      () => false,
    );
    if (!isConfirmed) return;
    refusals.reset();
    await store.settle(applied);
    writeFailures.reset();
  };

  const subscriptions = [
    store.journal.subscribe(advance),
    store.copy.subscribe(() => {
      // Another program has replaced this copy.
      if (isCopy(link?.doc)) return;
      refusal = undefined;
      refusals.reset();
      connect(store.copy.value.doc);
    }),
    deps.peers?.peers.acquire(`document ${deps.peers.name}`, (lost) => {
      appliesWaiting = true;
      lost?.addEventListener("abort", () => (appliesWaiting = false));
      advance();
    }),
  ];
  connect(store.copy.value.doc);

  return {
    close: () => {
      isClosed = true;
      for (const stop of subscriptions) stop?.();
      for (const wait of [refusals, forbidden, writeFailures]) wait.reset();
      link?.socket.close();
    },
  };
};
