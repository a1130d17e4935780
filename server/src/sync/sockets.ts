import type { IncomingMessage, Server as HttpServer } from "node:http";
import type { Socket } from "node:net";
import {
  BEARER_SUBPROTOCOL_PREFIX,
  CLOSE_CODES,
  parseDocumentName,
  SYNC_SUBPROTOCOL,
  type CloseCode,
  type DocumentAddress,
  type Limits,
  type SessionId,
} from "@edvoyage/protocol";
import { WebSocket, WebSocketServer } from "ws";
import { ANSWER_HEADER, answerOnSocket } from "../http/answer-header.ts";
import { MINUTE_MS, type Clock } from "../platform/clock.ts";
import { sha256 } from "../platform/crypto.ts";
import { AppError, errorToFacts } from "../platform/errors.ts";
import { addressToLimitKey } from "../http/client-address.ts";
import type { Logger } from "../platform/logger.ts";
import type { SignedIn } from "../sessions/sessions.ts";
import { createConnection, type Connection, type ConnectionHandler } from "./connection.ts";
import { DocumentRefusal } from "./document-refusal.ts";

/** Accepts the sockets of `/sync/<document>`, authenticates them, and closes them when their sessions end. */
export interface Sockets {
  /** Handles the upgrade requests of an HTTP server. */
  attach(server: HttpServer): void;
  /** Closes a session's sockets with 4401. */
  closeSession(id: SessionId): void;
  /** The sessions with open sockets. */
  sessions(): readonly SessionId[];
  /** Keeps quiet sockets alive; ends dead and slow ones, and those whose session has ended. Called every second. */
  tend(): void;
  /** The number of open sockets. */
  readonly size: number;
  /** Closes all sockets with 1012 and accepts no more; resolves when they are closed. */
  close(): Promise<void>;
}

export interface SocketsDeps {
  /** Returns the session and user of the key with this hash; counts as activity. Throws `session/…`. */
  readonly authenticate: (keyHash: string) => Promise<SignedIn>;
  /**
   * Returns the handler of a document's sockets; `undefined` for one that does not exist or that the student may not
   * open.
   */
  readonly handlerOf: (
    address: DocumentAddress,
    signedIn: SignedIn,
  ) => Promise<ConnectionHandler | undefined>;
  /** Whether pages of this origin may open sockets. Apps send no origin and are always allowed. */
  readonly isAllowedOrigin: (origin: string) => boolean;
  /** The client address of a request; headers count only from the configured proxies. */
  readonly addressOf: (request: IncomingMessage) => string;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Logger;
  readonly background: (task: Promise<unknown>) => void;
  readonly onClosed: (code: number) => void;
}

const PATH_PREFIX = "/sync/";
/** How long clients may take to confirm a close at shutdown, in milliseconds. */
const DRAIN_TIMEOUT_MS = 1_500;
/** The code that ws uses when a frame is larger than the limit (RFC 6455, 7.4.1). */
const MESSAGE_TOO_BIG = 1009;
/** For unexpected errors: the client may try again (RFC 6455, 7.4.1 has no closer code). */
const UNAVAILABLE = CLOSE_CODES.overloaded;

/** Replaces 1009 by the protocol's own code for "too large": y-websocket would retry 1009 for ever. */
class SyncWebSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    super.close(code === MESSAGE_TOO_BIG ? CLOSE_CODES.tooLarge : code, reason);
  }
}

export const createSockets = (deps: SocketsDeps): Sockets => {
  const { authenticate, handlerOf, isAllowedOrigin, addressOf, clock, limits, log, background } = deps;
  const connectionsBySession = new Map<SessionId, Set<Connection>>();
  const unauthenticatedByAddress = new Map<string, number>();
  let size = 0;
  let isClosing = false;

  const server = new WebSocketServer({
    noServer: true,
    clientTracking: true,
    perMessageDeflate: false,
    maxPayload: limits.frameBytes,
    maxFragments: limits.frameFragments,
    // Chunks of one incomplete frame; a frame of the largest size arrives in a few hundred.
    maxBufferedChunks: 4 * 1024,
    WebSocket: SyncWebSocket,
    // The other offered protocol carries the key; never send it back.
    handleProtocols: (offered) => (offered.has(SYNC_SUBPROTOCOL) ? SYNC_SUBPROTOCOL : false),
  });

  server.on("headers", (headers) => {
    for (const [name, value] of Object.entries(ANSWER_HEADER)) headers.push(`${name}: ${value}`);
  });
  // RFC 6455, 4.4: tell a client of another version which version is supported.
  server.on("wsClientError", (_error, socket, { method }) =>
    answerOnSocket(socket, method === "GET" ? 400 : 405, { "sec-websocket-version": "13" }),
  );

  const onFailure = (error: unknown): { code: CloseCode; reason: string } => {
    if (error instanceof DocumentRefusal) return { code: error.closeCode, reason: error.message };
    const { reason } = errorToFacts(error);
    if (!reason) log.error({ error }, "Handling a socket message failed");
    return { code: UNAVAILABLE, reason: "The server could not handle this message: try again" };
  };

  /** Authenticates a socket and finds the handler of its document; throws `Refusal`. */
  const admit = async (request: IncomingMessage) => {
    const { origin } = request.headers;
    if (isClosing) throw new Refusal(CLOSE_CODES.restarting, "The server restarts");
    if (origin !== undefined && !isAllowedOrigin(origin)) throw notFound();
    const key = bearerOf(request);
    if (key === undefined) throw new Refusal(CLOSE_CODES.noSession, "Sign in first");
    const keyHash = sha256(key);
    const signedIn = await authenticate(keyHash).catch((error: unknown) => {
      if (error instanceof AppError) throw new Refusal(CLOSE_CODES.noSession, error.message);
      throw error;
    });
    const address = parseDocumentName(documentNameOf(request));
    const handler = address && (await handlerOf(address, signedIn));
    if (!handler) throw notFound();
    return { signedIn, keyHash, handler };
  };

  const remember = (connection: Connection): void => {
    const connections = connectionsBySession.get(connection.sessionId) ?? new Set();
    connections.add(connection);
    connectionsBySession.set(connection.sessionId, connections);
  };

  const forget = (connection: Connection): void => {
    const connections = connectionsBySession.get(connection.sessionId);
    connections?.delete(connection);
    if (connections?.size === 0) connectionsBySession.delete(connection.sessionId);
  };

  const open = (
    socket: WebSocket,
    raw: Socket,
    { signedIn: { session, user }, keyHash, handler }: Awaited<ReturnType<typeof admit>>,
  ): void => {
    // Check in the same synchronous step that counts it; otherwise many concurrent sockets would all pass.
    if ((connectionsBySession.get(session.id)?.size ?? 0) >= limits.socketsPerSession)
      throw new Refusal(CLOSE_CODES.tooFast, "This session has too many sockets");
    createConnection({
      socket,
      raw,
      owner: { userId: user.id, sessionId: session.id, keyHash, expiresAt: session.expiresAt },
      clock,
      limits,
      onFailure,
      handler: {
        onOpen: (connection) => {
          remember(connection);
          handler.onOpen(connection);
        },
        onMessage: async (connection, message) => {
          if (clock.monotonicNow() - connection.touchedAt >= MINUTE_MS) renew(connection);
          return handler.onMessage(connection, message);
        },
        onDrain: (connection) => handler.onDrain(connection),
        onClose: (connection) => {
          forget(connection);
          handler.onClose(connection);
        },
      },
    });
    socket.resume();
  };

  /** Reports activity of the session, and closes the socket if the session has ended. */
  const renew = (connection: Connection): void => {
    connection.touchedAt = clock.monotonicNow();
    background(
      authenticate(connection.keyHash).then(
        ({ session }) => {
          connection.expiresAt = session.expiresAt;
        },
        (error: unknown) => {
          if (!(error instanceof AppError)) throw error;
          connection.close(CLOSE_CODES.noSession, error.message);
        },
      ),
    );
  };

  /** Accepts every socket first: a browser cannot see why an upgrade was refused, and would retry for ever. */
  const accept = async (socket: WebSocket, raw: Socket, request: IncomingMessage): Promise<void> => {
    // Read no byte of a document before the socket is authenticated.
    socket.pause();
    size += 1;
    socket.once("close", (code) => {
      size -= 1;
      deps.onClosed(code);
    });
    socket.on("error", () => {});
    const address = addressToLimitKey(addressOf(request));
    const unauthenticated = unauthenticatedByAddress.get(address) ?? 0;
    if (unauthenticated >= limits.socketsPerIpBeforeSignIn)
      return refuse(socket, new Refusal(CLOSE_CODES.overloaded, "Too many sockets from this address"));
    unauthenticatedByAddress.set(address, unauthenticated + 1);
    const handshakeTimer = setTimeout(
      () => refuse(socket, new Refusal(UNAVAILABLE, "The handshake took too long: try again")),
      limits.handshakeMs,
    );
    try {
      const admitted = await admit(request);
      if (socket.readyState === WebSocket.OPEN) open(socket, raw, admitted);
    } catch (error) {
      if (error instanceof Refusal) return refuse(socket, error);
      const { code, reason } = onFailure(error);
      refuse(socket, new Refusal(code, reason));
    } finally {
      clearTimeout(handshakeTimer);
      const remaining = (unauthenticatedByAddress.get(address) ?? 1) - 1;
      if (remaining > 0) unauthenticatedByAddress.set(address, remaining);
      else unauthenticatedByAddress.delete(address);
    }
  };

  return {
    attach: (http) => {
      http.on("upgrade", (request: IncomingMessage, raw: Socket, head: Buffer) => {
        // Node has removed its own listeners; without one, a connection reset by the peer would end the process.
        raw.on("error", () => raw.destroy());
        if (!request.url?.startsWith(PATH_PREFIX)) {
          return answerOnSocket(raw, 404);
        }
        raw.setNoDelay(true);
        server.handleUpgrade(request, raw, head, (socket) => background(accept(socket, raw, request)));
      });
    },

    closeSession: (id) => {
      for (const connection of connectionsBySession.get(id) ?? [])
        connection.close(CLOSE_CODES.noSession, "This session has been ended");
    },

    sessions: () => [...connectionsBySession.keys()],

    tend: () => {
      const now = clock.now();
      for (const connections of connectionsBySession.values()) {
        for (const connection of connections) {
          // The session may have been used elsewhere meanwhile: only its row can tell whether it has ended.
          if (now >= connection.expiresAt) renew(connection);
          connection.tend();
        }
      }
    },

    get size() {
      return size;
    },

    close: async () => {
      isClosing = true;
      const closed = [...server.clients].map(
        (socket) => new Promise<void>((resolve) => void socket.once("close", () => resolve())),
      );
      for (const socket of server.clients) {
        // A paused socket would not receive the client's confirmation of the close.
        socket.resume();
        socket.close(CLOSE_CODES.restarting, "The server restarts");
      }
      const timer = setTimeout(() => {
        for (const socket of server.clients) socket.terminate();
      }, DRAIN_TIMEOUT_MS);
      await Promise.all(closed);
      clearTimeout(timer);
    },
  };
};

/** The reason why a socket is closed right after it opened. */
class Refusal extends Error {
  readonly code: CloseCode;

  constructor(code: CloseCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The same refusal for a document of another student and for a missing one, so that nobody learns which it is. */
const notFound = () => new Refusal(CLOSE_CODES.forbidden, "There is no such document, or it is not yours");

const refuse = (socket: WebSocket, { code, message }: Refusal): void => {
  socket.resume();
  socket.close(code, message);
  setTimeout(() => socket.terminate(), DRAIN_TIMEOUT_MS).unref();
};

const documentNameOf = ({ url = "" }: IncomingMessage): string => {
  const path = url.split("?", 1)[0] ?? "";
  return path.slice(PATH_PREFIX.length);
};

const bearerOf = ({ headers }: IncomingMessage): string | undefined => {
  const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((protocol) => protocol.trim());
  const bearer = offered.find((protocol) => protocol.startsWith(BEARER_SUBPROTOCOL_PREFIX));
  return bearer?.slice(BEARER_SUBPROTOCOL_PREFIX.length);
};
