import { EVENTS_ROOT } from "@edvoyage/protocol";
import { createDecoder, readVarString, readVarUint } from "lib0/decoding";
import { createEncoder, toUint8Array, writeVarString, writeVarUint, writeVarUint8Array } from "lib0/encoding";
import { v7 } from "uuid";
import * as Y from "yjs";
import { openReader, type SocketReader } from "./socket-reader.ts";
import { IN_FLIGHT, READERS, TEXT, type FanOut } from "./sync.ts";

/** Creates the load for the other servers: Yjs updates that push one event each, as their clients would send. */
const makeUpdates = (count: number): Uint8Array[] => {
  const doc = new Y.Doc();
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update));
  const events = doc.getArray(EVENTS_ROOT);
  for (let index = 0; index < count; index += 1)
    events.push([[1, "message", v7(), "0198c0de-0000-7000-8000-000000000000", Date.now(), TEXT, null]]);
  return updates;
};

/** Measures the same load on a server that relays one client's messages to all. */
export const measurePeerFanOut = async (
  port: number,
  { seconds, protocol }: { readonly seconds: number; readonly protocol: "relay" | "hocuspocus" },
): Promise<FanOut> => {
  const room = `room-${v7()}`;
  const prefix = (write: (encoder: ReturnType<typeof createEncoder>) => void): Uint8Array => {
    const encoder = createEncoder();
    if (protocol === "hocuspocus") writeVarString(encoder, room);
    write(encoder);
    return toUint8Array(encoder);
  };
  const greet = (reader: SocketReader): void => {
    if (protocol === "relay") return;
    reader.send(
      prefix((encoder) => {
        writeVarUint(encoder, 2);
        writeVarUint(encoder, 0);
        writeVarString(encoder, "token");
      }),
    );
    reader.send(
      prefix((encoder) => {
        writeVarUint(encoder, 0);
        writeVarUint(encoder, 0);
        writeVarUint8Array(encoder, new Uint8Array([0]));
      }),
    );
  };
  /** Hocuspocus starts each message with the document's name. A sync message of kind "update" counts as a delivery. */
  const isUpdate = (message: Buffer): boolean => {
    if (protocol === "relay") return true;
    const decoder = createDecoder(message);
    readVarString(decoder);
    return readVarUint(decoder) === 0 && readVarUint(decoder) === 2;
  };
  const messages = makeUpdates(Math.ceil(seconds * 6_000)).map((update) =>
    prefix((encoder) => {
      writeVarUint(encoder, 0);
      writeVarUint(encoder, 2);
      writeVarUint8Array(encoder, update);
    }),
  );
  let delivered = 0;
  let receivedByFirst = 0;
  let sent = 0;
  let sender: SocketReader | undefined;
  let endAt = Number.POSITIVE_INFINITY;
  const pump = (): void => {
    while (sent - receivedByFirst < IN_FLIGHT && sent < messages.length && performance.now() < endAt) {
      sender?.send(messages[sent] ?? new Uint8Array());
      sent += 1;
    }
  };
  const path = `/${room}`;
  const readers = await Promise.all(
    Array.from({ length: READERS }, (_, index) =>
      openReader({
        port,
        path,
        onMessage: (message) => {
          if (!isUpdate(message)) return;
          delivered += 1;
          if (index !== 0) return;
          receivedByFirst += 1;
          pump();
        },
      }),
    ),
  );
  sender = await openReader({ port, path, onMessage: () => {} });
  for (const reader of [...readers, sender]) greet(reader);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const startAt = performance.now();
  endAt = startAt + seconds * 1000;
  pump();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const measuredFor = (performance.now() - startAt) / 1000;
  const result = {
    messagesPerSecond: receivedByFirst / measuredFor,
    deliveriesPerSecond: delivered / measuredFor,
  };
  for (const reader of [...readers, sender]) reader.close();
  return result;
};
