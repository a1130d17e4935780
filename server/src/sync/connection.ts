import type { Socket } from "node:net";
import { CLOSE_CODES, type CloseCode, type Limits, type SessionId, type UserId } from "@edvoyage/protocol";
import type { WebSocket } from "ws";
import type { Clock } from "../platform/clock.ts";
import { barrierFrame, HEARTBEAT_FRAME, parseMessage, type ClientMessage } from "./frames.ts";
import { createTokenBucket } from "./token-bucket.ts";

/** Whom a socket speaks for. */
export interface ConnectionOwner {
  readonly userId: UserId;
  readonly sessionId: SessionId;
  readonly keyHash: string;
}

/** One open socket of a signed-in student, for one document. */
export interface Connection extends ConnectionOwner {
  /** When its session ends unless it is used. */
  expiresAt: number;
  /** Activity was last reported for its session. */
  touchedAt: number;
  /** Writes a whole frame; one that the client is too slow to take closes the socket. */
  send(frame: Buffer): void;
  /** Whether what was sent still waits to be taken: whoever can send it later from rows should. */
  isBusy(): boolean;
  close(code: CloseCode, reason: string): void;
  /** Called about every second: keeps a quiet socket alive and ends a dead or a slow one. */
  tend(now: number): void;
}

/** A message that is the document's to handle. */
export type DocumentMessage = Exclude<ClientMessage, { type: "barrier" }>;

/** What a document does with its sockets. */
export interface ConnectionHandler {
  onOpen(connection: Connection): void;
  /** One message after the other, each after the last has ended. A throw closes the socket. */
  onMessage(connection: Connection, message: DocumentMessage): Promise<void>;
  /** The client took all that waited: it can be sent what it missed. */
  onDrain(connection: Connection): void;
  onClose(connection: Connection): void;
}

export interface ConnectionOptions {
  readonly socket: WebSocket;
  /** What the WebSocket runs on: frames that many readers share are written to it as they are. */
  readonly raw: Socket;
  readonly owner: ConnectionOwner & { readonly expiresAt: number };
  readonly clock: Clock;
  readonly limits: Limits;
  readonly handler: ConnectionHandler;
  /** Translates what a handler threw; logs what is a bug. */
  readonly onFailure: (error: unknown) => { readonly code: CloseCode; readonly reason: string };
}

/** y-websocket drops a socket on which it heard nothing for 30 s. */
const HEARTBEAT_AFTER_MS = 20_000;
/** A peer that answers no ping for this long is gone. */
const DEAD_AFTER_MS = 75_000;
const PING_EVERY_MS = 25_000;
/** A client that takes nothing for this long is cut off. */
const SLOW_AFTER_MS = 30_000;
/** From here on a reader of a log is left to catch up from the rows. */
const BUSY_BYTES = 256 * 1024;
/** Frames that wait for their turn; past this the socket is not read. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** How long a client may take to answer a close, in milliseconds. */
const CLOSE_TIMEOUT_MS = 2_000;

export const createConnection = (options: ConnectionOptions): Connection => {
  const { socket, raw, owner, clock, limits, handler, onFailure } = options;
  const frames = createTokenBucket(limits.framesPerSecond, limits.frameBurst);
  const stepOnes = createTokenBucket(limits.stepOnesPerSecond, limits.stepOnesPerSecond);
  let sentAt = clock.now();
  let heardAt = sentAt;
  let pingedAt = sentAt;
  let busySince: number | undefined;
  let isClosing = false;
  let waitingBytes = 0;
  let last: Promise<void> = Promise.resolve();

  const close = (code: CloseCode, reason: string): void => {
    if (isClosing) return;
    isClosing = true;
    handler.onClose(connection);
    socket.close(code, reason);
    // A client that does not read does not answer either. By the real clock: this is about a peer, not a rule.
    setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS).unref();
  };

  const send = (frame: Buffer): void => {
    if (isClosing || raw.destroyed) return;
    if (raw.writableLength > limits.sendBufferBytes) {
      return close(CLOSE_CODES.tooSlow, "This socket is not read");
    }
    raw.write(frame);
    sentAt = clock.now();
    if (raw.writableNeedDrain) busySince ??= sentAt;
  };

  const handle = async (message: ClientMessage): Promise<void> => {
    if (isClosing) return;
    try {
      // All that came before on this socket has been handled, and what it changed is committed.
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
    last = last.then(async () => {
      await handle(message);
      waitingBytes -= sizeBytes;
      if (socket.isPaused && waitingBytes <= MAX_WAITING_BYTES) socket.resume();
    });
  };

  socket.on("message", (data: Buffer, isBinary) => {
    heardAt = clock.now();
    if (isClosing) return;
    if (!frames.take(heardAt)) return close(CLOSE_CODES.tooFast, "Too many frames");
    if (data.length > limits.frameBytes) return close(CLOSE_CODES.tooLarge, "The frame is too large");
    const message = isBinary ? parseMessage(data) : undefined;
    if (!message) return close(CLOSE_CODES.malformed, "Not a message of this protocol");
    if (message.type === "step-one" && !stepOnes.take(heardAt))
      return close(CLOSE_CODES.tooFast, "Too many requests for what is missing");
    enqueue(message, data.length);
  });
  socket.on("pong", () => {
    heardAt = clock.now();
  });
  // What is wrong with the peer's frames; the socket closes by itself after it.
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
    touchedAt: clock.now(),
    send,
    isBusy: () => raw.writableLength > BUSY_BYTES,
    close,
    tend: (now) => {
      if (busySince !== undefined && now - busySince > SLOW_AFTER_MS)
        return close(CLOSE_CODES.tooSlow, "This socket is not read");
      if (now - heardAt > DEAD_AFTER_MS) return socket.terminate();
      if (now - pingedAt >= PING_EVERY_MS) {
        pingedAt = now;
        socket.ping();
      }
      if (now - sentAt >= HEARTBEAT_AFTER_MS) send(HEARTBEAT_FRAME);
    },
  };
  handler.onOpen(connection);
  return connection;
};
