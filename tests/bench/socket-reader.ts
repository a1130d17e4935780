import { createHash, randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";

/** A socket that does as little work as a WebSocket allows, so that the measured server is the slower end. */
export interface SocketReader {
  /** Sends one message. */
  send(message: Uint8Array): void;
  close(): void;
  readonly receivedBytes: () => number;
}

export interface ReaderOptions {
  readonly port: number;
  readonly path: string;
  readonly protocols?: readonly string[];
  /** Called with each complete message. */
  readonly onMessage: (message: Buffer) => void;
  readonly onClose?: ((code: number) => void) | undefined;
}

const HEADER_END = Buffer.from("\r\n\r\n");
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const CLOSE_OPCODE = 8;
const PING_OPCODE = 9;

/** Opens a WebSocket without a library (RFC 6455), and resolves once it is accepted. */
export const openReader = async ({
  port,
  path,
  protocols = [],
  onMessage,
  onClose,
}: ReaderOptions): Promise<SocketReader> => {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const key = randomBytes(16).toString("base64");
  const expected = createHash("sha1").update(`${key}${GUID}`).digest("base64");
  let receivedBytes = 0;
  let rest: Buffer = Buffer.alloc(0);
  let isOpen = false;
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.on("data", (chunk) => {
      receivedBytes += chunk.length;
      rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
      if (!isOpen) {
        const end = rest.indexOf(HEADER_END);
        if (end < 0) return;
        const head = rest.toString("latin1", 0, end);
        if (!head.includes(expected)) return reject(new Error(head));
        rest = rest.subarray(end + HEADER_END.length);
        isOpen = true;
        resolve();
      }
      rest = readFrames(rest, socket, { onMessage, onClose });
    });
    const protocolLine = protocols.length > 0 ? `sec-websocket-protocol: ${protocols.join(", ")}\r\n` : "";
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: bench\r\nupgrade: websocket\r\nconnection: Upgrade\r\n` +
        `sec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n${protocolLine}\r\n`,
    );
  });
  return {
    send: (message) => void socket.write(toClientFrame(message)),
    close: () => socket.destroy(),
    receivedBytes: () => receivedBytes,
  };
};

const readFrames = (
  bytes: Buffer,
  socket: Socket,
  { onMessage, onClose }: Pick<ReaderOptions, "onMessage" | "onClose">,
): Buffer => {
  let at = 0;
  for (;;) {
    if (bytes.length - at < 2) break;
    const opcode = bytes.readUInt8(at) & 15;
    const short = bytes.readUInt8(at + 1) & 127;
    const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length - at < headerBytes) break;
    const length =
      short < 126
        ? short
        : short === 126
          ? bytes.readUInt16BE(at + 2)
          : Number(bytes.readBigUInt64BE(at + 2));
    if (bytes.length - at < headerBytes + length) break;
    const payload = bytes.subarray(at + headerBytes, at + headerBytes + length);
    at += headerBytes + length;
    if (opcode === CLOSE_OPCODE) {
      onClose?.(payload.length >= 2 ? payload.readUInt16BE(0) : 1005);
      socket.destroy();
      return Buffer.alloc(0);
    }
    if (opcode === PING_OPCODE) socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]));
    else onMessage(payload);
  }
  return bytes.subarray(at);
};

/** Masks with zeros: this is a valid mask that changes no byte. */
const toClientFrame = (message: Uint8Array): Buffer => {
  const { length } = message;
  const header =
    length < 126
      ? Buffer.from([0x82, 0x80 | length])
      : Buffer.from([0x82, 0x80 | 126, length >> 8, length & 255]);
  return Buffer.concat([header, Buffer.alloc(4), message]);
};
