import type { Socket } from "node:net";
import { CLOSE_CODES, type CloseCode, type Limits, type SessionId, type UserId } from "@edvoyage/protocol";
import type { WebSocket } from "ws";
import type { Clock } from "../platform/clock.ts";
import { barrierFrame, HEARTBEAT_FRAME, parseMessage, type ClientMessage } from "./frames.ts";
import { createTokenBucket } from "./token-bucket.ts";

/** The student and session that a socket belongs to. */
export interface ConnectionOwner {
  readonly userId: UserId;
  readonly sessionId: SessionId;
  readonly keyHash: string;
}

/** One open socket of a signed-in student, for one document. */
export interface Connection extends ConnectionOwner {
  /** When its session ends if it is not used before. */
  expiresAt: number;
  /** When activity was last reported for its session, by `monotonicNow`. */
  touchedAt: number;
  /** Writes a whole frame; closes the socket if the client is too slow to read it. */
  send(frame: Buffer): void;
  /** Whether sent bytes still wait to be read by the client. If so, a caller that can send from rows later should wait. */
  isBusy(): boolean;
  close(code: CloseCode, reason: string): void;
  /** Keeps a quiet socket alive and ends a dead or slow one. Called about every second. */
  tend(): void;
}

/** A message that the document's handler handles. */
export type DocumentMessage = Exclude<ClientMessage, { type: "barrier" }>;

/** The events of a socket, handled by its document. */
export interface ConnectionHandler {
  onOpen(connection: Connection): void;
  /** Called for one message at a time, each after the previous one has ended. An error closes the socket. */
  onMessage(connection: Connection, message: DocumentMessage): Promise<void>;
  /** The client has read everything: it can be sent what it missed. */
  onDrain(connection: Connection): void;
  onClose(connection: Connection): void;
}

export interface ConnectionOptions {
  readonly socket: WebSocket;
  /** The TCP socket below the WebSocket: frames that many readers share are written to it directly. */
  readonly raw: Socket;
  readonly owner: ConnectionOwner & { readonly expiresAt: number };
  readonly clock: Clock;
  readonly limits: Limits;
  readonly handler: ConnectionHandler;
  /** Translates a handler's error to a close code; logs bugs. */
  readonly onFailure: (error: unknown) => { readonly code: CloseCode; readonly reason: string };
}

/** y-websocket drops a socket on which it received nothing for 30 s. */
const HEARTBEAT_AFTER_MS = 20_000;
/** A peer that has sent nothing, not even a pong, for this long is gone. */
const DEAD_AFTER_MS = 75_000;
const PING_EVERY_MS = 25_000;
/** A client that reads nothing for this long is cut off. */
const SLOW_AFTER_MS = 30_000;
/** The slowest line that is waited for: a client cannot answer before it has read what came before the question. */
const SLOWEST_BYTES_PER_MS = 4;
/** The longest additional wait for such a line. */
const MAX_READING_MS = 5 * 60_000;
/** Above this, a reader of a log is sent nothing more; it catches up from rows later. */
const BUSY_BYTES = 256 * 1024;
/** Above this many bytes of unhandled frames, the server stops reading the socket. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** How long a client may take to confirm a close, in milliseconds. */
const CLOSE_TIMEOUT_MS = 2_000;

export const createConnection = (options: ConnectionOptions): Connection => {
  const { socket, raw, owner, clock, limits, handler, onFailure } = options;
  const frames = createTokenBucket(limits.framesPerSecond, limits.frameBurst);
  const stepOnes = createTokenBucket(limits.stepOnesPerSecond, limits.stepOnesPerSecond);
  let sentAt = clock.monotonicNow();
  let heardAt = sentAt;
  let pingedAt = sentAt;
  let busySince: number | undefined;
  let sentBytes = 0;
  /** The bytes that the client has certainly read: each ping carries their number, and a pong brings it back. */
  let readBytes = 0;
  let isClosing = false;
  let waitingBytes = 0;
  let lastTask: Promise<void> = Promise.resolve();

  const close = (code: CloseCode, reason: string): void => {
    if (isClosing) return;
    isClosing = true;
    handler.onClose(connection);
    socket.close(code, reason);
    // A client that does not read never confirms the close. The real clock, because no product rule depends on it.
    setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS).unref();
  };

  const send = (frame: Buffer): void => {
    if (isClosing || raw.destroyed) return;
    if (raw.writableLength > limits.sendBufferBytes) {
      return close(CLOSE_CODES.tooSlow, "The client does not read this socket");
    }
    raw.write(frame);
    sentBytes += frame.length;
    sentAt = clock.monotonicNow();
    if (raw.writableNeedDrain) busySince ??= sentAt;
  };

  const handle = async (message: ClientMessage): Promise<void> => {
    if (isClosing) return;
    try {
      // All earlier messages of this socket have been handled, and their changes are committed.
      if (message.type === "barrier") send(barrierFrame(message.token));
      else await handler.onMessage(connection, message);
    } catch (error) {
      const { code, reason } = onFailure(error);
      close(code, reason);
    }
  };

  const enqueue = (message: ClientMessage, sizeBytes: number): void => {
    waitingBytes += sizeBytes;
    if (waitingBytes > MAX_WAITING_BYTES) socket.pause();
    lastTask = lastTask.then(async () => {
      await handle(message);
      waitingBytes -= sizeBytes;
      if (socket.isPaused && waitingBytes <= MAX_WAITING_BYTES) socket.resume();
    });
  };

  socket.on("message", (data: Buffer, isBinary) => {
    heardAt = clock.monotonicNow();
    if (isClosing) return;
    if (!frames.take(heardAt)) return close(CLOSE_CODES.tooFast, "Too many frames");
    if (data.length > limits.frameBytes) return close(CLOSE_CODES.tooLarge, "The frame is too large");
    const message = isBinary ? parseMessage(data) : undefined;
    if (!message) return close(CLOSE_CODES.malformed, "Not a message of this protocol");
    if (message.type === "step-one" && !stepOnes.take(heardAt))
      return close(CLOSE_CODES.tooFast, "Too many sync requests (step 1)");
    enqueue(message, data.length);
  });
  socket.on("pong", (payload: Buffer) => {
    heardAt = clock.monotonicNow();
    const read = Number(payload.toString("latin1"));
    // A client may make up a pong. It only shortens the wait for itself.
    if (read > readBytes && read <= sentBytes) readBytes = read;
  });
  // A protocol error of the peer; ws closes the socket by itself afterwards.
  socket.on("error", () => {});
  socket.on("close", () => {
    if (isClosing) return;
    isClosing = true;
    handler.onClose(connection);
  });
  raw.on("drain", () => {
    busySince = undefined;
    if (!isClosing) handler.onDrain(connection);
  });

  const connection: Connection = {
    ...owner,
    touchedAt: clock.monotonicNow(),
    send,
    isBusy: () => raw.writableLength > BUSY_BYTES,
    close,
    tend: () => {
      const now = clock.monotonicNow();
      const readingMs = Math.min((sentBytes - readBytes) / SLOWEST_BYTES_PER_MS, MAX_READING_MS);
      if (busySince !== undefined && now - busySince > SLOW_AFTER_MS + readingMs)
        return close(CLOSE_CODES.tooSlow, "The client does not read this socket");
      if (now - heardAt > DEAD_AFTER_MS + readingMs) return socket.terminate();
      if (now - pingedAt >= PING_EVERY_MS) {
        pingedAt = now;
        socket.ping(String(sentBytes));
      }
      if (now - sentAt >= HEARTBEAT_AFTER_MS) send(HEARTBEAT_FRAME);
    },
  };
  handler.onOpen(connection);
  return connection;
};
