import { CLOSE_CODES, parseDocumentName, type CloseCode } from "@edvoyage/protocol";
import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import type { Problem } from "../runtime/problem.ts";
import type { Clock } from "../runtime/clock.ts";
import type { RandomBytes } from "../runtime/ids.ts";
import { callListener, createSubject, type Observable } from "../runtime/observable.ts";
import { createBackoffTimer } from "../runtime/backoff-timer.ts";
import {
  createDocumentConnection,
  type DocumentConnection,
  type ConnectionEnd,
} from "./document-connection.ts";
import type { ExchangeCall } from "./document-exchange.ts";
import { createHttpDocument, type HttpDocument } from "./http-document.ts";
import { createTransportChoice, type Transport } from "./transport.ts";
import { changeRooms, type PlacedRoom } from "./room-places.ts";

/** The state of the connection to the server. */
export type ConnectionState =
  /** Offline: no network, nobody is signed in, or the server was not reached. */
  "offline" | "connecting" | "online";

/**
 * The sockets of one student, one for each document, over the stock y-websocket provider. Only some rooms are connected at
 * once (`MAX_CONNECTED_ROOMS`); the user document always is.
 */
export interface Sockets {
  /**
   * Connects a document, and reconnects it after each loss, until it is closed. A room gives up its connection once it is
   * synced and another room needs the place; `ask` gets it back.
   */
  open(name: string, doc: Y.Doc, listener?: SocketListener): DocumentSocket;
  /** Retries waiting connections now, and checks open ones that may be dead. */
  wake(): void;
  /**
   * "online" while the user document is synced: it brings the hints without which nothing arrives by itself. Without a user
   * document, while any room is synced.
   */
  readonly state: Observable<ConnectionState>;
  /** "http" while the network lets no WebSocket through: rooms are not connected then, and the user document is exchanged. */
  readonly transport: Observable<Transport>;
  /** Exchanges the user document now, while the transport is "http". Never throws. */
  exchange(): Promise<void>;
  /** Drops all connections, for example because another tab has them now. `wake` connects again, if `canConnect` allows it. */
  disconnect(): void;
  close(): void;
}

/** Callbacks of the owner of a document. */
export interface SocketListener {
  /**
   * Called when the document has everything that the server had at the time of the connection. Called again after
   * every reconnection.
   */
  readonly onSynced?: () => void;
  /**
   * Called when the server has closed the socket for good, with code 4403, 4413, 4422 or 4509: give up the document
   * and open a fresh one. Code 4401 is not reported here, because it concerns the session.
   */
  readonly onRefused?: (code: CloseCode) => void;
  /** Called for message type 103: `inbox.changes` has something new. */
  readonly onInboxHint?: () => void;
}

/** The socket of one document. */
export interface DocumentSocket {
  readonly name: string;
  readonly isSynced: boolean;
  readonly awareness: Awareness;
  /**
   * Resolves when everything that the document had at the time of the call is on the server's disk, however many
   * connections that takes (message type 102). Throws `closed` if the socket is closed or refused before that.
   */
  barrier(): Promise<void>;
  /**
   * Moves a room before the others. With `isBehind`, the server has something that the device lacks: a room without a
   * connection then takes the place of another. Default: only if there is a free place.
   */
  ask(options?: { readonly isBehind?: boolean }): void;
  close(): void;
}

/** The dependencies of `createSockets`. */
export interface SocketsDeps {
  /** The server's URL, such as `https://…`. */
  readonly url: string;
  /** Default: the platform's; Node 20 has none. */
  readonly WebSocket?: typeof WebSocket | undefined;
  /** Returns the session's key. Called before every connection. */
  readonly token: () => string | undefined;
  /** Returns whether to connect at all. Call `wake` when that becomes true. */
  readonly canConnect: () => boolean;
  /**
   * Called when the server does not accept the key (4401). The key is retried after a growing wait, unless `token`
   * returns another or none by then. Use this call to validate the session.
   */
  readonly onNoSession: () => void;
  /** Calls `documents.exchange`. Without it, only sockets are used. */
  readonly exchange?: ExchangeCall;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly report: (problem: Problem) => void;
}

/** An opened document. */
interface Member extends PlacedRoom {
  readonly connection: DocumentConnection;
  readonly isRoom: boolean;
  isBehind: boolean;
  askedAt: number;
  readonly http: HttpDocument;
}

/** How long to wait before a network that let no WebSocket through is tried again. */
const BLOCKED_RETRY_MS = 5 * 60_000;

/**
 * Creates the sockets of one student; none is open. Reconnections are scheduled here, not by the provider, whose
 * waits have no jitter, are not coordinated, and use an old key.
 */
export const createSockets = (deps: SocketsDeps): Sockets => {
  const { clock, randomBytes, token } = deps;
  const WebSocket = deps.WebSocket ?? globalThis.WebSocket;
  if (!WebSocket) throw new TypeError("This platform has no WebSocket: pass one as `WebSocket`.");
  const url = `${deps.url.replace(/^http/, "ws").replace(/\/+$/, "")}/sync`;
  const state = createSubject<ConnectionState>("offline");
  const members = new Set<Member>();
  let asked = 0;
  let syncMessages = 0;
  /** Whether the user document was opened; it stays true while the document is refused. */
  let hasDocument = false;
  let refusedKey: string | undefined;
  /** After this wait the key is tried again, because the session may still be alive if nobody has checked it. */
  const refusedKeyWait = createBackoffTimer({
    clock,
    randomBytes,
    onOver: () => {
      refusedKey = undefined;
      connectReady();
    },
  });

  const publishState = (): void => {
    const all = [...members];
    if (transport.value === "http") return state.set("online");
    const decisive = hasDocument ? all.filter(({ isRoom }) => !isRoom) : all;
    if (decisive.some(({ isSynced }) => isSynced)) state.set("online");
    else state.set(all.some(({ isConnected }) => isConnected) ? "connecting" : "offline");
  };

  /** Connects every document that has nothing to wait for. */
  const connectReady = (): void => {
    const key = token();
    if (key !== undefined && key !== refusedKey && deps.canConnect()) connectWith(key);
    publishState();
  };

  const connectWith = (key: string): void => {
    const waiting = [...members].filter(
      ({ connection, isConnected }) => !isConnected && !connection.backoff.isWaiting,
    );
    const rooms = [...members].filter(({ isRoom }) => isRoom);
    const changes = [
      ...waiting.filter(({ isRoom }) => !isRoom).map((connect) => ({ connect, release: undefined })),
      ...changeRooms(
        rooms,
        waiting.filter(({ isRoom }) => isRoom),
      ),
    ];
    // While the server fails, only one document at a time tries to reach it; the others follow once it has.
    const order = [...members];
    if (server.failures > 0)
      changes.sort((one, other) => order.indexOf(one.connect) - order.indexOf(other.connect));
    for (const { connect: next, release } of changes) {
      if (server.isWaiting || (server.failures > 0 && isAnyTrying(members))) return;
      release?.connection.link.drop();
      connect(next, key);
    }
  };

  const connect = ({ connection }: Member, key: string): void => {
    try {
      connection.connect(key);
    } catch (cause) {
      deps.report({ kind: "fault", message: "A socket could not be created.", cause });
      connection.backoff.fail();
    }
  };

  /**
   * The wait after the server was not reached, restarted or was full. It concerns all documents alike, so they share
   * it.
   */
  const server = createBackoffTimer({ clock, randomBytes, onOver: connectReady });

  const choice = createTransportChoice({
    exchangeAll: async () => {
      const { exchange } = deps;
      const documents = exchange ? [...members].filter(({ isRoom }) => !isRoom) : [];
      return exchange ? Promise.all(documents.map(({ http }) => http.exchange(exchange))) : [];
    },
  });
  const { transport } = choice;
  transport.subscribe(() => {
    server.reset();
    // Whether WebSockets are blocked or, after HTTP has failed too, the server is not reached: do not retry at once.
    if (transport.value === "http") server.fail(BLOCKED_RETRY_MS);
    else if (!isAnyOpen(members)) server.fail();
    publishState();
    for (const { http } of members) http.announce();
  });

  const handleEnd = (member: Member, { code, wasOpen, key }: ConnectionEnd): void => {
    // It may miss what happens from now on.
    member.isBehind = true;
    if (code === CLOSE_CODES.noSession) {
      // If another key is in use by now, only retry with that one.
      if (key === token() && key !== refusedKey) {
        refusedKey = key;
        refusedKeyWait.fail();
        deps.onNoSession();
      }
    } else if (!wasOpen || code === CLOSE_CODES.restarting || code === CLOSE_CODES.overloaded) {
      server.fail(transport.value === "http" ? BLOCKED_RETRY_MS : 0);
      // A socket that is open shows that the network lets WebSockets through.
      if (!wasOpen && !isAnyOpen(members)) choice.upgradeFailed();
      // Move it to the end, so that another document is the first to try next time.
      members.delete(member);
      members.add(member);
    } else {
      member.connection.backoff.fail();
    }
    connectReady();
  };

  const open: Sockets["open"] = (name, doc, listener = {}) => {
    const isRoom = parseDocumentName(name)?.kind === "room";
    hasDocument ||= !isRoom;
    const close = (): void => {
      if (!members.delete(member)) return;
      http.stop();
      connection.close();
      connectReady();
    };
    const connection = createDocumentConnection({
      url,
      name,
      doc,
      isUserDocument: !isRoom,
      WebSocket,
      clock,
      randomBytes,
      onOpen: () => {
        choice.opened();
        publishState();
      },
      onSynced: () => {
        member.isBehind = false;
        http.stop();
        server.reset();
        refusedKeyWait.reset();
        connection.backoff.reset();
        // Its owner first: it may lose its place to another room immediately afterwards.
        callListener(() => listener.onSynced?.());
        connectReady();
      },
      onMessage: () => {
        if (!connection.link.isSynced) syncMessages += 1;
      },
      syncMessageCount: () => syncMessages,
      onInboxHint: () => listener.onInboxHint?.(),
      onEnd: (end) => {
        if (!members.has(member)) return;
        const code = REFUSALS.find((refusal) => refusal === end.code);
        if (code === undefined) return handleEnd(member, end);
        refuse(code);
      },
      onReady: connectReady,
    });
    const { link } = connection;
    const refuse = (code: CloseCode): void => {
      close();
      listener.onRefused?.(code);
    };
    const http = createHttpDocument({
      doc,
      isActive: () => transport.value === "http",
      onSynced: () => listener.onSynced?.(),
      onRefused: refuse,
    });
    const member: Member = {
      connection,
      http,
      isRoom,
      isBehind: true,
      askedAt: (asked += 1),
      get isConnected() {
        return link.state !== "closed";
      },
      get isSynced() {
        return link.isSynced;
      },
    };
    members.add(member);
    connectReady();
    if (!isRoom) void choice.exchange();
    return {
      name,
      get isSynced() {
        return link.isSynced || http.isSynced;
      },
      awareness: link.awareness,
      barrier: () => {
        const exchanged = http.raceExchange(link.barrier());
        void choice.exchange();
        return exchanged;
      },
      ask: ({ isBehind = false } = {}) => {
        member.askedAt = asked += 1;
        if (member.isConnected) return;
        member.isBehind ||= isBehind;
        connectReady();
      },
      close,
    };
  };

  return {
    open,
    wake: () => {
      server.reset();
      for (const { connection } of members) {
        connection.backoff.reset();
        connection.check();
      }
      connectReady();
    },
    state,
    transport,
    exchange: () => choice.exchange(),
    disconnect: () => {
      for (const member of members) {
        member.isBehind = true;
        member.connection.link.drop();
      }
      publishState();
    },
    close: () => {
      for (const { connection } of members) connection.close();
      members.clear();
      server.reset();
      refusedKeyWait.reset();
      publishState();
    },
  };
};

/** Close codes about the document itself, which a retry would not change. */
const REFUSALS: readonly CloseCode[] = [
  CLOSE_CODES.forbidden,
  CLOSE_CODES.tooLarge,
  CLOSE_CODES.malformed,
  CLOSE_CODES.forked,
];

const isAnyOpen = (members: ReadonlySet<Member>): boolean =>
  Array.from(members).some(({ connection }) => connection.link.state === "open");

/** Returns whether a document has begun to connect and is not synced yet. */
const isAnyTrying = (members: ReadonlySet<Member>): boolean =>
  Array.from(members).some(({ isConnected, isSynced }) => isConnected && !isSynced);
