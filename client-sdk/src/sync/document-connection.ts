import { BEARER_SUBPROTOCOL_PREFIX, SYNC_SUBPROTOCOL } from "@edvoyage/protocol";
import type * as Y from "yjs";
import type { Clock } from "../runtime/clock.ts";
import type { RandomBytes } from "../runtime/ids.ts";
import { createBackoffTimer, type BackoffTimer } from "../runtime/backoff-timer.ts";
import { createDocumentLink, type DocumentLink } from "./document-link.ts";

/** How a connection ended. */
export interface ConnectionEnd {
  /** The server's close code, if there was one. */
  readonly code: number | undefined;
  readonly wasOpen: boolean;
  /** The session key that the connection was opened with. */
  readonly key: string | undefined;
}

/** The connection of one document to the server. It opens one socket after the other. */
export interface DocumentConnection {
  readonly link: DocumentLink;
  /** The wait after a failure that concerns only this document, not the server. */
  readonly backoff: BackoffTimer;
  connect(key: string): void;
  /** Checks a synced connection, and drops it after `CHECK_TIMEOUT_MS` without an answer. */
  check(): void;
  close(): void;
}

/** The dependencies of `createDocumentConnection`. */
export interface DocumentConnectionDeps {
  readonly url: string;
  readonly name: string;
  readonly doc: Y.Doc;
  /** Whether the first sync may arrive in one large message. */
  readonly isUserDocument: boolean;
  readonly WebSocket: typeof WebSocket;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly onOpen: () => void;
  readonly onSynced: () => void;
  /** Called for each message of the server. */
  readonly onMessage: () => void;
  /** Returns how many messages of first syncs have arrived, on all sockets. */
  readonly syncMessageCount: () => number;
  readonly onInboxHint: () => void;
  readonly onEnd: (end: ConnectionEnd) => void;
  /** Called when the document may connect again: a wait is over, or a dead connection was dropped. */
  readonly onReady: () => void;
}

/** How long a connection may take to open. A network may swallow the attempt silently. */
const OPEN_TIMEOUT_MS = 10_000;
/** How long the server may take to answer a check. */
const CHECK_TIMEOUT_MS = 5_000;
/** How long the first sync of a user document may take: 1 MiB, in one message, needs four minutes at 4 kB/s. */
const DOCUMENT_SYNC_TIMEOUT_MS = 5 * 60_000;
/** How long the first sync of a room may be silent: a message of 16 KiB needs 20 s at 4 kB/s if five sockets sync. */
const ROOM_SYNC_TIMEOUT_MS = 30_000;
/** How often a wait begins again because messages of first syncs arrive: the line is slow, not dead. */
const MAX_EXTENSIONS = 5;

/** Creates the connection of one document, closed. */
export const createDocumentConnection = (deps: DocumentConnectionDeps): DocumentConnection => {
  const { clock } = deps;
  let key: string | undefined;
  let deadline: (() => void) | undefined;
  let isChecking = false;

  const cancelDeadline = (): void => {
    deadline?.();
    deadline = undefined;
    isChecking = false;
  };

  const dropAfter = (delayMs: number, onDropped: () => void): void => {
    cancelDeadline();
    let extensions = 0;
    const wait = (): void => {
      const countBefore = deps.syncMessageCount();
      const cancel = clock.after(delayMs, () => {
        extensions += 1;
        if (deps.syncMessageCount() > countBefore && extensions <= MAX_EXTENSIONS) return wait();
        cancelDeadline();
        link.drop();
        onDropped();
      });
      cancelWait = cancel;
    };
    let cancelWait = (): void => {};
    wait();
    deadline = () => cancelWait();
  };

  const link = createDocumentLink({
    ...deps,
    onOpen: () => {
      const timeoutMs = deps.isUserDocument ? DOCUMENT_SYNC_TIMEOUT_MS : ROOM_SYNC_TIMEOUT_MS;
      dropAfter(timeoutMs, () => deps.onEnd({ code: undefined, wasOpen: true, key }));
      deps.onOpen();
    },
    onSynced: () => {
      cancelDeadline();
      deps.onSynced();
    },
    onClosed: (end) => {
      cancelDeadline();
      deps.onEnd({ ...end, key });
    },
  });
  const backoff = createBackoffTimer({ ...deps, onOver: deps.onReady });

  return {
    link,
    backoff,
    connect: (nextKey) => {
      key = nextKey;
      // The key travels in a subprotocol: a browser does not let a page set headers, and a URL ends up in logs.
      link.connect([SYNC_SUBPROTOCOL, `${BEARER_SUBPROTOCOL_PREFIX}${nextKey}`]);
      dropAfter(OPEN_TIMEOUT_MS, () => deps.onEnd({ code: undefined, wasOpen: false, key }));
    },
    check: () => {
      // While it opens and during the first sync, it has a deadline already. The answer would come after the first sync.
      if (isChecking || !link.isSynced) return;
      dropAfter(CHECK_TIMEOUT_MS, deps.onReady);
      isChecking = true;
      const currentDeadline = deadline;
      const answered = () => {
        if (deadline === currentDeadline) cancelDeadline();
      };
      link.barrier().then(answered, answered);
    },
    close: () => {
      cancelDeadline();
      backoff.reset();
      link.close();
    },
  };
};
