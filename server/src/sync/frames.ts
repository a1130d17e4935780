import { MESSAGE_TYPES } from "@edvoyage/protocol";
import { createDecoder, hasContent, readVarUint, readVarUint8Array } from "lib0/decoding";
import { createEncoder, toUint8Array, writeVarUint, writeVarUint8Array, type Encoder } from "lib0/encoding";

/** A message that a client may send on a socket. */
export type ClientMessage =
  /** The client's state: asks for what it lacks. */
  | { readonly type: "step-one"; readonly stateVector: Uint8Array }
  /** Changes: the reply to the server's step 1, or new edits. */
  | { readonly type: "update"; readonly update: Uint8Array }
  | { readonly type: "awareness"; readonly update: Uint8Array }
  | { readonly type: "query-awareness" }
  | { readonly type: "barrier"; readonly token: Uint8Array };

/** y-protocols' three kinds of sync message. */
const STEP_ONE = 0;
const STEP_TWO = 1;
const UPDATE = 2;
const MAX_BARRIER_BYTES = 64;

/** Parses a frame; `undefined` for a malformed one, which includes extra bytes at its end. */
export const parseMessage = (bytes: Uint8Array): ClientMessage | undefined => {
  try {
    const decoder = createDecoder(bytes);
    const message = readMessage(readVarUint(decoder), decoder);
    return hasContent(decoder) ? undefined : message;
  } catch {
    // lib0 throws when the bytes end too early; its error has no further details.
    return undefined;
  }
};

const readMessage = (type: number, decoder: ReturnType<typeof createDecoder>): ClientMessage | undefined => {
  switch (type) {
    case MESSAGE_TYPES.sync: {
      const step = readVarUint(decoder);
      const body = readVarUint8Array(decoder);
      if (step === STEP_ONE) return { type: "step-one", stateVector: body };
      return step === STEP_TWO || step === UPDATE ? { type: "update", update: body } : undefined;
    }
    case MESSAGE_TYPES.awareness:
      return { type: "awareness", update: readVarUint8Array(decoder) };
    case MESSAGE_TYPES.queryAwareness:
      return { type: "query-awareness" };
    case MESSAGE_TYPES.barrier: {
      const token = readVarUint8Array(decoder);
      return token.length <= MAX_BARRIER_BYTES ? { type: "barrier", token } : undefined;
    }
    default:
      return undefined;
  }
};

/** Builds the server's step 1: its own state. */
export const stepOneFrame = (stateVector: Uint8Array): Buffer => syncFrame(STEP_ONE, stateVector);
/** Builds the reply to a client's step 1. */
export const stepTwoFrame = (update: Uint8Array): Buffer => syncFrame(STEP_TWO, update);
/** Builds a frame with new changes. */
export const updateFrame = (update: Uint8Array): Buffer => syncFrame(UPDATE, update);
/** Builds a presence frame from an update in y-protocols' awareness encoding. */
export const awarenessFrame = (update: Uint8Array): Buffer =>
  frameOf((encoder) => {
    writeVarUint(encoder, MESSAGE_TYPES.awareness);
    writeVarUint8Array(encoder, update);
  });
/** Builds the reply to a client's barrier. */
export const barrierFrame = (token: Uint8Array): Buffer =>
  frameOf((encoder) => {
    writeVarUint(encoder, MESSAGE_TYPES.barrier);
    writeVarUint8Array(encoder, token);
  });

const syncFrame = (step: number, body: Uint8Array): Buffer =>
  frameOf((encoder) => {
    writeVarUint(encoder, MESSAGE_TYPES.sync);
    writeVarUint(encoder, step);
    writeVarUint8Array(encoder, body);
  });

const frameOf = (write: (encoder: Encoder) => void): Buffer => {
  const encoder = createEncoder();
  write(encoder);
  return toFrame(toUint8Array(encoder));
};

const FINAL_BINARY = 0x82;
const LENGTH_IN_2_BYTES = 126;
const LENGTH_IN_8_BYTES = 127;

/**
 * Builds a complete WebSocket frame of a server (RFC 6455, 5.2: final, binary, not masked, not compressed). It is built
 * once and written to every reader: framing the same bytes again for each of 200 readers took a third of the time.
 */
const toFrame = (message: Uint8Array): Buffer => {
  const { length } = message;
  const header =
    length < LENGTH_IN_2_BYTES
      ? Buffer.from([FINAL_BINARY, length])
      : length < 65_536
        ? Buffer.from([FINAL_BINARY, LENGTH_IN_2_BYTES, length >> 8, length & 255])
        : longHeader(length);
  return Buffer.concat([header, message]);
};

const longHeader = (length: number): Buffer => {
  const header = Buffer.alloc(10);
  header[0] = FINAL_BINARY;
  header[1] = LENGTH_IN_8_BYTES;
  header.writeBigUInt64BE(BigInt(length), 2);
  return header;
};

/** An empty presence frame. y-websocket drops a socket on which it received nothing for 30 s, and pings do not count. */
export const HEARTBEAT_FRAME = awarenessFrame(new Uint8Array([0]));
/** Tells the client to call `inbox.changes`. */
export const INBOX_FRAME = frameOf((encoder) => writeVarUint(encoder, MESSAGE_TYPES.inbox));
