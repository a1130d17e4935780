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

/** Accepts the sockets of `/sync/<document>`, says who each is, and ends them when their sessions end. */
export interface Sockets {
  /** Takes over the upgrades of an HTTP server. */
  attach(server: HttpServer): void;
  /** Closes a session's sockets with 4401. */
  closeSession(id: SessionId): void;
  /** The sessions that have sockets open. */
  sessions(): readonly SessionId[];
  /** Keeps quiet sockets alive, ends dead and slow ones and those whose session is over. Called every second. */
  tend(): void;
  /** How many are open. */
  readonly size: number;
  /** Closes all with 1012 and takes no more; resolves when they are gone. */
  close(): Promise<void>;
}

export interface SocketsDeps {
  /** Whom the key with this hash speaks for; counts as activity. Throws `session/…`. */
  readonly authenticate: (keyHash: string) => Promise<SignedIn>;
  /** What handles a document's sockets, or `undefined` for one that is not this student's or not there. */
  readonly handlerOf: (
    address: DocumentAddress,
    signedIn: SignedIn,
  ) => Promise<ConnectionHandler | undefined>;
  /** Whether pages of this origin may open sockets; apps send none and always may. */
  readonly isAllowedOrigin: (origin: string) => boolean;
  /** Where a request comes from, as far as the configured proxies can be believed. */
  readonly addressOf: (request: IncomingMessage) => string;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Logger;
  readonly background: (task: Promise<unknown>) => void;
  readonly onClosed: (code: number) => void;
}

const PATH_PREFIX = "/sync/";
/** How long clients may take to answer a close at shutdown, in milliseconds. */
const DRAIN_TIMEOUT_MS = 1_500;
/** What ws closes a socket with when a frame is larger than it takes (RFC 6455, 7.4.1). */
const MESSAGE_TOO_BIG = 1009;
/** For what is a bug of ours: the client may try again (RFC 6455, 7.4.1; there is no closer code). */
const UNAVAILABLE = CLOSE_CODES.overloaded;

/** Says "too large" as the rest of the protocol does: y-websocket would retry 1009 for ever. */
class SyncWebSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    super.close(code === MESSAGE_TOO_BIG ? CLOSE_CODES.tooLarge : code, reason);
  }
}

export const createSockets = (deps: SocketsDeps): Sockets => {
  const { authenticate, handlerOf, isAllowedOrigin, addressOf, clock, limits, log, background } = deps;
  const connectionsBySession = new Map<SessionId, Set<Connection>>();
  const strangersByAddress = new Map<string, number>();
  let size = 0;
  let isClosing = false;

  const server = new WebSocketServer({
    noServer: true,
    clientTracking: true,
    perMessageDeflate: false,
    maxPayload: limits.frameBytes,
    maxFragments: limits.frameFragments,
    // Reads of a frame that is not whole yet: a frame of the largest size comes in a few hundred.
    maxBufferedChunks: 4 * 1024,
    WebSocket: SyncWebSocket,
    // The key travels in the other one, which is never said back.
    handleProtocols: (offered) => (offered.has(SYNC_SUBPROTOCOL) ? SYNC_SUBPROTOCOL : false),
  });

  server.on("headers", (headers) => {
    for (const [name, value] of Object.entries(ANSWER_HEADER)) headers.push(`${name}: ${value}`);
  });
  // RFC 6455, 4.4: a client of another version is told which one there is.
  server.on("wsClientError", (_error, socket, { method }) =>
    answerOnSocket(socket, method === "GET" ? 400 : 405, { "sec-websocket-version": "13" }),
  );

  const onFailure = (error: unknown): { code: CloseCode; reason: string } => {
    if (error instanceof DocumentRefusal) return { code: error.closeCode, reason: error.message };
    const { reason } = errorToFacts(error);
    if (!reason) log.error({ error }, "A message on a socket failed");
    return { code: UNAVAILABLE, reason: "This did not work: try again" };
  };

  /** Whom the socket is of and what it is for; throws `Refusal`. */
  const admit = async (request: IncomingMessage) => {
    const { origin } = request.headers;
    if (isClosing) throw new Refusal(CLOSE_CODES.restarting, "The server restarts");
    if (origin !== undefined && !isAllowedOrigin(origin)) throw notThere();
    const key = bearerOf(request);
    if (key === undefined) throw new Refusal(CLOSE_CODES.noSession, "Sign in first");
    const keyHash = sha256(key);
    const signedIn = await authenticate(keyHash).catch((error: unknown) => {
      if (error instanceof AppError) throw new Refusal(CLOSE_CODES.noSession, error.message);
      throw error;
    });
    const address = parseDocumentName(documentNameOf(request));
    const handler = address && (await handlerOf(address, signedIn));
    if (!handler) throw notThere();
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
    // In the same step as it is counted: many that open at once would each find room.
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
          if (clock.now() - connection.touchedAt >= MINUTE_MS) renew(connection);
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

  /** Counts as activity of the session, and ends the socket of one that is over. */
  const renew = (connection: Connection): void => {
    connection.touchedAt = clock.now();
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

  /** Accepts first, whatever comes of it: a browser does not see why an upgrade was refused, and tries for ever. */
  const accept = async (socket: WebSocket, raw: Socket, request: IncomingMessage): Promise<void> => {
    // Not a byte of a document is read before it is known whose it is.
    socket.pause();
    size += 1;
    socket.once("close", (code) => {
      size -= 1;
      deps.onClosed(code);
    });
    socket.on("error", () => {});
    const address = addressToLimitKey(addressOf(request));
    const strangers = strangersByAddress.get(address) ?? 0;
    if (strangers >= limits.socketsPerIpBeforeSignIn)
      return refuse(socket, new Refusal(CLOSE_CODES.overloaded, "Too many sockets from this address"));
    strangersByAddress.set(address, strangers + 1);
    const tooLong = setTimeout(
      () => refuse(socket, new Refusal(UNAVAILABLE, "This took too long: try again")),
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
      clearTimeout(tooLong);
      const left = (strangersByAddress.get(address) ?? 1) - 1;
      if (left > 0) strangersByAddress.set(address, left);
      else strangersByAddress.delete(address);
    }
  };

  return {
    attach: (http) => {
      http.on("upgrade", (request: IncomingMessage, raw: Socket, head: Buffer) => {
        // Node has taken its own listeners off: without one, a peer that resets would end the process.
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
          // It may have been used elsewhere since: only its row can say that it is over.
          if (now >= connection.expiresAt) renew(connection);
          connection.tend(now);
        }
      }
    },

    get size() {
      return size;
    },

    close: async () => {
      isClosing = true;
      const gone = [...server.clients].map(
        (socket) => new Promise<void>((resolve) => void socket.once("close", () => resolve())),
      );
      for (const socket of server.clients) {
        // One that is not read yet would not hear the answer to its close.
        socket.resume();
        socket.close(CLOSE_CODES.restarting, "The server restarts");
      }
      const timer = setTimeout(() => {
        for (const socket of server.clients) socket.terminate();
      }, DRAIN_TIMEOUT_MS);
      await Promise.all(gone);
      clearTimeout(timer);
    },
  };
};

/** Why a socket is closed as soon as it is open. */
class Refusal extends Error {
  readonly code: CloseCode;

  constructor(code: CloseCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The same for what is another's and for what does not exist. */
const notThere = () => new Refusal(CLOSE_CODES.forbidden, "Not yours, or not there");

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
  const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((one) => one.trim());
  const bearer = offered.find((one) => one.startsWith(BEARER_SUBPROTOCOL_PREFIX));
  return bearer?.slice(BEARER_SUBPROTOCOL_PREFIX.length);
};
