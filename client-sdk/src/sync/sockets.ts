import { CLOSE_CODES, type CloseCode } from "@edvoyage/protocol";
import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import type { Problem } from "../students/student-context.ts";
import type { Clock } from "../runtime/clock.ts";
import type { RandomBytes } from "../runtime/ids.ts";
import { createSubject, type Observable } from "../runtime/observable.ts";
import { createBackoffTimer } from "../runtime/backoff-timer.ts";
import { createDocumentConnection, type DocumentConnection, type LineEnd } from "./document-connection.ts";

/** How things stand with the server. */
export type ConnectionState =
  /** No network, nobody signed in, or the server was not reached. */
  "offline" | "connecting" | "online";

/** The sockets of one student, one a document, over the stock y-websocket provider. */
export interface Sockets {
  /** Connects a document, and again whenever the connection is lost, until it is closed. */
  open(name: string, doc: Y.Doc, listener?: SocketListener): DocumentSocket;
  /** Connects now what waits for a better moment, and makes sure of connections that may be dead unnoticed. */
  wake(): void;
  /** "online" while any socket is open. */
  readonly state: Observable<ConnectionState>;
  close(): void;
}

/** What the owner of a document hears of its socket. */
export interface SocketListener {
  /** The document has all that the server had when it was connected. Comes again after every connection. */
  readonly onSynced?: () => void;
  /**
   * The server has closed the socket and says why. It does not come back by itself from the codes 4403, 4413, 4422 and
   * 4509: the document must be given up, and a fresh one opened. 4401 is told to nobody here: it is the session's matter.
   */
  readonly onRefused?: (code: CloseCode) => void;
  /** Message type 103: `inbox.changes` has something. */
  readonly onInboxHint?: () => void;
}

/** One document's socket. */
export interface DocumentSocket {
  readonly name: string;
  readonly isSynced: boolean;
  readonly awareness: Awareness;
  /**
   * Resolves when all that the document had when this was called is on the server's disk, however many connections that takes
   * (message type 102). Throws `closed` when the socket is closed or refused before.
   */
  barrier(): Promise<void>;
  close(): void;
}

/** What sockets are made from. */
export interface SocketsDeps {
  /** The server's, as `https://…`. */
  readonly url: string;
  /** Unless told, the platform's; Node 20 has none. */
  readonly WebSocket?: typeof WebSocket | undefined;
  /** The session's key; asked before every connection. */
  readonly token: () => string | undefined;
  /** Whether to connect at all. When that changes for the better, call `wake`. */
  readonly canConnect: () => boolean;
  /**
   * The server does not take the key (4401). It is tried again after a while, which grows, unless `token` has another or none
   * by then: ask what is the matter.
   */
  readonly onNoSession: () => void;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly report: (problem: Problem) => void;
}

/**
 * Makes the sockets of one student; none is open. When each connects again is decided here and not by the provider,
 * whose waits have no jitter, know nothing of each other, and use the key of last time.
 */
export const createSockets = (deps: SocketsDeps): Sockets => {
  const { clock, randomBytes, token } = deps;
  const WebSocket = deps.WebSocket ?? globalThis.WebSocket;
  if (!WebSocket) throw new TypeError("This platform has no WebSocket: hand one in.");
  const url = `${deps.url.replace(/^http/, "ws").replace(/\/+$/, "")}/sync`;
  const state = createSubject<ConnectionState>("offline");
  const lines = new Set<DocumentConnection>();
  let refusedKey: string | undefined;
  /** It is asked about again when nobody has answered for it: the session may live all the same. */
  const refusedKeyWait = createBackoffTimer({
    clock,
    randomBytes,
    onOver: () => {
      refusedKey = undefined;
      pump();
    },
  });

  const showState = (): void => {
    const states = Array.from(lines, ({ link }) => link.state);
    if (states.includes("open")) state.set("online");
    else state.set(states.includes("connecting") ? "connecting" : "offline");
  };

  /** Connects every line that has nothing to wait for. */
  const pump = (): void => {
    const key = token();
    if (key !== undefined && key !== refusedKey && deps.canConnect()) connectWith(key);
    showState();
  };

  const connectWith = (key: string): void => {
    for (const line of lines) {
      // While the server is in trouble one line at a time tries whether it is there; the others follow it.
      if (server.isWaiting || (server.failures > 0 && isAnyTrying(lines))) return;
      if (line.link.state === "closed" && !line.backoff.isWaiting) connect(line, key);
    }
  };

  const connect = (line: DocumentConnection, key: string): void => {
    try {
      line.connect(key);
    } catch (cause) {
      deps.report({ kind: "fault", message: "A socket could not be made.", cause });
      line.backoff.fail();
    }
  };

  /** Not reached, restarting or full: that concerns all lines alike, and is one wait for all. */
  const server = createBackoffTimer({ clock, randomBytes, onOver: pump });

  const ended = (line: DocumentConnection, { code, wasOpen, key }: LineEnd): void => {
    if (code === CLOSE_CODES.noSession) {
      // Another one may be in use by now: then it is only tried again.
      if (key === token() && key !== refusedKey) {
        refusedKey = key;
        refusedKeyWait.fail();
        deps.onNoSession();
      }
    } else if (!wasOpen || code === CLOSE_CODES.restarting || code === CLOSE_CODES.overloaded) {
      server.fail();
      // Next time another is the first to try.
      lines.delete(line);
      lines.add(line);
    } else {
      line.backoff.fail();
    }
    pump();
  };

  const open: Sockets["open"] = (name, doc, listener = {}) => {
    const close = (): void => {
      if (!lines.delete(line)) return;
      line.close();
      pump();
    };
    const line = createDocumentConnection({
      url,
      name,
      doc,
      WebSocket,
      clock,
      randomBytes,
      onOpen: showState,
      onSynced: () => {
        server.reset();
        refusedKeyWait.reset();
        line.backoff.reset();
        pump();
        listener.onSynced?.();
      },
      onInboxHint: () => listener.onInboxHint?.(),
      onEnd: (end) => {
        if (!lines.has(line)) return;
        const code = REFUSALS.find((refusal) => refusal === end.code);
        if (code === undefined) return ended(line, end);
        close();
        listener.onRefused?.(code);
      },
      onReady: pump,
    });
    lines.add(line);
    pump();
    const { link } = line;
    return {
      name,
      get isSynced() {
        return link.isSynced;
      },
      awareness: link.awareness,
      barrier: () => link.barrier(),
      close,
    };
  };

  return {
    open,
    wake: () => {
      server.reset();
      for (const line of lines) {
        line.backoff.reset();
        line.check();
      }
      pump();
    },
    state,
    close: () => {
      for (const line of lines) line.close();
      lines.clear();
      server.reset();
      refusedKeyWait.reset();
      showState();
    },
  };
};

/** They say something of the document, which trying again would not change. */
const REFUSALS: readonly CloseCode[] = [
  CLOSE_CODES.forbidden,
  CLOSE_CODES.tooLarge,
  CLOSE_CODES.malformed,
  CLOSE_CODES.forked,
];

/** Whether a line has begun to connect and has not got what the server has yet. */
const isAnyTrying = (lines: ReadonlySet<DocumentConnection>): boolean =>
  Array.from(lines).some(({ link }) => link.state !== "closed" && !link.isSynced);
