import { BEARER_SUBPROTOCOL_PREFIX, SYNC_SUBPROTOCOL } from "@edvoyage/protocol";
import type * as Y from "yjs";
import type { Clock } from "../runtime/clock.ts";
import type { RandomBytes } from "../runtime/ids.ts";
import { createBackoffTimer, type BackoffTimer } from "../runtime/backoff-timer.ts";
import { createDocumentLink, type DocumentLink } from "./document-link.ts";

/** How a connection ended. */
export interface LineEnd {
  /** What the server closed it with, if it said one. */
  readonly code: number | undefined;
  readonly wasOpen: boolean;
  /** The key that it was made with. */
  readonly key: string | undefined;
}

/** One document's line to the server: its connections, one after the other. */
export interface DocumentConnection {
  readonly link: DocumentLink;
  /** Waits because of what this document met; not because of the server. */
  readonly backoff: BackoffTimer;
  connect(key: string): void;
  /** Drops a connection that is dead unnoticed, after `CHECK_TIMEOUT_MS` without an answer. */
  check(): void;
  close(): void;
}

export interface DocumentConnectionDeps {
  readonly url: string;
  readonly name: string;
  readonly doc: Y.Doc;
  readonly WebSocket: typeof WebSocket;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly onOpen: () => void;
  readonly onSynced: () => void;
  readonly onInboxHint: () => void;
  readonly onEnd: (end: LineEnd) => void;
  /** It may try again: a wait is over, or a dead connection was dropped. */
  readonly onReady: () => void;
}

/** How long a connection may take to open; a network may swallow it without a word. */
const OPEN_TIMEOUT_MS = 20_000;
/** How long the server may take to answer when it is asked whether it is there. */
const CHECK_TIMEOUT_MS = 5_000;

export const createDocumentConnection = (deps: DocumentConnectionDeps): DocumentConnection => {
  const { clock } = deps;
  let key: string | undefined;
  let deadline: (() => void) | undefined;
  let isChecking = false;

  const calm = (): void => {
    deadline?.();
    deadline = undefined;
    isChecking = false;
  };

  const dropAfter = (delayMs: number, dropped: () => void): void => {
    calm();
    deadline = clock.after(delayMs, () => {
      calm();
      link.drop();
      dropped();
    });
  };

  const link = createDocumentLink({
    ...deps,
    onOpen: () => {
      calm();
      deps.onOpen();
    },
    onClosed: (end) => {
      calm();
      deps.onEnd({ ...end, key });
    },
  });
  const backoff = createBackoffTimer({ ...deps, onOver: deps.onReady });

  return {
    link,
    backoff,
    connect: (nextKey) => {
      key = nextKey;
      // The key travels in a subprotocol: a browser lets no page set a header, and an address ends up in logs.
      link.connect([SYNC_SUBPROTOCOL, `${BEARER_SUBPROTOCOL_PREFIX}${nextKey}`]);
      dropAfter(OPEN_TIMEOUT_MS, () => deps.onEnd({ code: undefined, wasOpen: false, key }));
    },
    check: () => {
      if (isChecking || link.state === "closed") return;
      dropAfter(CHECK_TIMEOUT_MS, deps.onReady);
      isChecking = true;
      const own = deadline;
      const answered = () => {
        if (deadline === own) calm();
      };
      // One that is only connecting has answered when it opens.
      if (link.state === "open") link.barrier().then(answered, answered);
    },
    close: () => {
      calm();
      backoff.reset();
      link.close();
    },
  };
};
