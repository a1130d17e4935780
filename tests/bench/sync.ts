import { readFileSync } from "node:fs";
import {
  BEARER_SUBPROTOCOL_PREFIX,
  roomDocumentName,
  SYNC_SUBPROTOCOL,
  type RoomId,
} from "@edvoyage/protocol";
import { createDecoder, readUint8, readVarString, readVarUint, readVarUint8Array } from "lib0/decoding";
import { createEncoder, toUint8Array, writeVarString, writeVarUint, writeVarUint8Array } from "lib0/encoding";
import { v7 } from "uuid";
import * as Y from "yjs";
import { openConnection, type Connection } from "./load.ts";
import { openReader, type SocketReader } from "./socket-reader.ts";

/** How many readers follow a room. */
export const READERS = 200;
/** How many messages are on their way at once. */
export const IN_FLIGHT = 32;
const UNCOUNTED_SOCKETS = 1_000;
/** A text of the usual length of a chat message. */
export const TEXT = "See you at the library at half past four";

/** A signed-in student of a running server. */
export interface Account {
  readonly port: number;
  readonly token: string;
  readonly userId: string;
}

/** The rates of a room with many readers. */
export interface FanOut {
  readonly messagesPerSecond: number;
  readonly deliveriesPerSecond: number;
}

const call = async <T>(
  connection: Connection,
  account: Account,
  procedure: string,
  input: object,
): Promise<T> =>
  JSON.parse(
    await connection.request(
      `POST /trpc/${procedure}`,
      JSON.stringify(input),
      `authorization: Bearer ${account.token}`,
    ),
  ).result.data;

/** Creates a group with one student. */
export const createRoom = async (account: Account): Promise<RoomId> => {
  const connection = await openConnection(account.port);
  const commandId = v7();
  const room = await call<{ id: RoomId }>(connection, account, "chat.rooms.create", {
    kind: "group",
    name: "Bench",
    memberIds: [],
    commandId,
  });
  connection.close();
  return room.id;
};

const send = (connection: Connection, account: Account, roomId: RoomId) =>
  call<{ position: { segment: number; index: number } }>(connection, account, "chat.send", {
    roomId,
    text: TEXT,
    commandId: v7(),
  });

/** Sends until `isDone`, with one message in flight on each connection. Returns how many were acknowledged. */
const keepSending = async (
  account: Account,
  roomId: RoomId,
  isDone: (sent: number) => boolean,
): Promise<number> => {
  const connections = await Promise.all(
    Array.from({ length: IN_FLIGHT }, () => openConnection(account.port)),
  );
  let sent = 0;
  await Promise.all(
    connections.map(async (connection) => {
      while (!isDone(sent)) {
        sent += 1;
        await send(connection, account, roomId);
      }
    }),
  );
  for (const connection of connections) connection.close();
  return sent;
};

/** Fills a room with messages. */
export const fillRoom = async (account: Account, roomId: RoomId, messages: number): Promise<void> => {
  await keepSending(account, roomId, (sent) => sent >= messages);
};

/** Measures durable sends per second, without any reader. */
export const measureSends = async (account: Account, roomId: RoomId, seconds: number): Promise<number> => {
  const startAt = performance.now();
  const sent = await keepSending(account, roomId, () => performance.now() - startAt > seconds * 1000);
  return (sent * 1000) / (performance.now() - startAt);
};

export const protocolsOf = ({ token }: Account): string[] => [
  SYNC_SUBPROTOCOL,
  `${BEARER_SUBPROTOCOL_PREFIX}${token}`,
];
const pathOf = (roomId: RoomId, segment: number): string => `/sync/${roomDocumentName(roomId, segment)}`;

export const stepOne = (has: Uint8Array = new Uint8Array([0])): Uint8Array => {
  const encoder = createEncoder();
  writeVarUint(encoder, 0);
  writeVarUint(encoder, 0);
  writeVarUint8Array(encoder, has);
  return toUint8Array(encoder);
};

/** Returns how many entries a reader has after a message, from its first run of structs: nothing here is redacted. */
const endOf = (message: Buffer): number | undefined => {
  if (message[0] !== 0) return undefined;
  const decoder = createDecoder(message);
  readVarUint(decoder);
  if (readVarUint(decoder) === 0) return undefined;
  const update = createDecoder(readVarUint8Array(decoder));
  if (readVarUint(update) === 0) return undefined;
  readVarUint(update);
  readVarUint(update);
  const clock = readVarUint(update);
  const info = readUint8(update);
  if (info & 0x80) {
    readVarUint(update);
    readVarUint(update);
  } else {
    readVarUint(update);
    readVarString(update);
  }
  return clock + readVarUint(update);
};

/** Follows a room from segment to segment, as the SDK does. */
const followRoom = async (
  account: Account,
  roomId: RoomId,
  {
    from,
    segmentEvents,
    onEntries,
  }: { from: number; segmentEvents: number; onEntries: (count: number) => void },
): Promise<{ close(): void }> => {
  let reader: SocketReader | undefined;
  let isClosed = false;
  const open = async (segment: number): Promise<void> => {
    let has = 0;
    reader = await openReader({
      port: account.port,
      path: pathOf(roomId, segment),
      protocols: protocolsOf(account),
      onMessage: (message) => {
        const end = endOf(message);
        if (end === undefined || end <= has) return;
        onEntries(end - has);
        has = end;
        if (has < segmentEvents || isClosed) return;
        reader?.close();
        void open(segment + 1);
      },
    });
    reader.send(stepOne());
  };
  await open(from);
  return {
    close: () => {
      isClosed = true;
      reader?.close();
    },
  };
};

/** Sends through `chat.send` while many readers follow the room's segments. */
export const measureFanOut = async (
  account: Account,
  roomId: RoomId,
  { seconds, segmentEvents }: { readonly seconds: number; readonly segmentEvents: number },
): Promise<FanOut> => {
  const connection = await openConnection(account.port);
  const { position } = await send(connection, account, roomId);
  connection.close();
  let delivered = 0;
  const readers = await Promise.all(
    Array.from({ length: READERS }, () =>
      followRoom(account, roomId, {
        from: position.segment,
        segmentEvents,
        onEntries: (count) => (delivered += count),
      }),
    ),
  );
  await new Promise((resolve) => setTimeout(resolve, 500));
  const before = delivered;
  const startAt = performance.now();
  let measuredFor = 0;
  const sent = await keepSending(account, roomId, () => {
    measuredFor = (performance.now() - startAt) / 1000;
    return measuredFor > seconds;
  });
  const result = {
    messagesPerSecond: sent / measuredFor,
    deliveriesPerSecond: (delivered - before) / measuredFor,
  };
  for (const reader of readers) reader.close();
  return result;
};

/** Measures opening a segment. `missing`: how many entries the reader lacks. Default: all. */
export const measureOpen = async (
  account: Account,
  roomId: RoomId,
  { segment, missing }: { readonly segment: number; readonly missing?: number },
): Promise<{ readonly ms: number; readonly bytes: number; readonly entries: number }> => {
  let vector = new Uint8Array([0]);
  if (missing !== undefined) {
    const whole = await openSegment(account, roomId, { segment, vector });
    const update = createDecoder(whole.body);
    readVarUint(update);
    readVarUint(update);
    const writerId = readVarUint(update);
    vector = new Uint8Array(
      Y.encodeStateVector(new Map([[writerId, Math.max(0, whole.entries - missing)]]) as never),
    );
  }
  return openSegment(account, roomId, { segment, vector });
};

const openSegment = async (
  account: Account,
  roomId: RoomId,
  { segment, vector }: { readonly segment: number; readonly vector: Uint8Array },
) => {
  const startAt = performance.now();
  let answer: ((message: Buffer) => void) | undefined;
  const answered = new Promise<Buffer>((resolve) => (answer = resolve));
  const reader = await openReader({
    port: account.port,
    path: pathOf(roomId, segment),
    protocols: protocolsOf(account),
    onMessage: (message) => answer?.(Buffer.from(message)),
  });
  reader.send(stepOne(vector));
  const message = await answered;
  const decoder = createDecoder(message);
  readVarUint(decoder);
  readVarUint(decoder);
  const body = readVarUint8Array(decoder);
  Y.applyUpdate(new Y.Doc(), body);
  const ms = performance.now() - startAt;
  const bytes = reader.receivedBytes();
  reader.close();
  return { ms, bytes, body, entries: endOf(message) ?? 0 };
};

/** Returns the resident memory of a process in bytes. */
export const memoryOf = (pid: number): number => {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
  return pages * 4096;
};

/** Measures the memory that each quiet socket costs a server, in bytes. */
export const measureIdle = async (
  pid: number,
  open: (index: number) => Promise<SocketReader>,
  sockets: number,
): Promise<number> => {
  const readers: SocketReader[] = [];
  // The first sockets are not counted: with them, a server compiles its code and grows its heap.
  for (let index = 0; index < UNCOUNTED_SOCKETS; index += 1) readers.push(await open(index));
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  const before = memoryOf(pid);
  for (let index = 0; index < sockets; index += 1) readers.push(await open(index));
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  const each = (memoryOf(pid) - before) / sockets;
  for (const reader of readers) reader.close();
  return each;
};

/** Opens a socket on a room that then stays quiet. */
export const openQuiet = async (account: Account, roomId: RoomId): Promise<SocketReader> => {
  const reader = await openReader({
    port: account.port,
    path: pathOf(roomId, 0),
    protocols: protocolsOf(account),
    onMessage: () => {},
  });
  reader.send(stepOne());
  return reader;
};

/** Measures how many frames all clients receive when each announces itself once, as y-websocket clients do. */
export const measurePresence = async (account: Account, roomId: RoomId): Promise<number> => {
  let frames = 0;
  const readers = await Promise.all(
    Array.from({ length: READERS }, () =>
      openReader({
        port: account.port,
        path: pathOf(roomId, 0),
        protocols: protocolsOf(account),
        onMessage: (message) => {
          if (message[0] === 1) frames += 1;
        },
      }),
    ),
  );
  for (const [index, reader] of readers.entries()) {
    reader.send(stepOne());
    const encoder = createEncoder();
    writeVarUint(encoder, 1);
    writeVarUint(encoder, index + 1);
    writeVarUint(encoder, 1);
    writeVarString(encoder, JSON.stringify({ name: `student ${index}` }));
    const message = createEncoder();
    writeVarUint(message, 1);
    writeVarUint8Array(message, toUint8Array(encoder));
    reader.send(toUint8Array(message));
  }
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  for (const reader of readers) reader.close();
  return frames;
};
