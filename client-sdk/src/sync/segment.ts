import { EVENT_VERSION, EVENTS_ROOT, type MessageId, type RoomEvent } from "@edvoyage/protocol";
import * as Y from "yjs";
import type { RandomBytes } from "../runtime/ids.ts";
import { createDoc } from "./create-doc.ts";

/** A row of a room's log that was not redacted. */
export interface LogRow {
  /** Its position in the segment. */
  readonly index: number;
  readonly event: RoomEvent;
}

/** The content of the copy of one segment. */
export interface Segment {
  readonly segment: number;
  /** In the order of the log, without redacted rows. */
  readonly rows: readonly LogRow[];
  /** The number of rows, including redacted ones. */
  readonly length: number;
  /** Whether its last row names the next segment. */
  readonly isSealed: boolean;
  /** Whether it has content that the server never wrote: a log has only one writer. */
  readonly isRogue: boolean;
}

/** Reads the rows of a document. The writer's clock counts all rows, the array only those that are left. */
export const readSegment = (segment: number, doc: Y.Doc): Segment => {
  const writers = [...doc.store.clients.values()];
  const structs = writers[0] ?? [];
  const rows = structs.flatMap((struct) =>
    struct instanceof Y.Item && !struct.deleted
      ? struct.content.getContent().flatMap((value: unknown, offset): LogRow[] => {
          const event = parseEvent(value);
          return event ? [{ index: struct.id.clock + offset, event }] : [];
        })
      : [],
  );
  const last = structs.at(-1);
  return {
    segment,
    rows,
    length: last ? last.id.clock + last.length : 0,
    isSealed: rows.at(-1)?.event[1] === "next",
    isRogue: writers.length > 1,
  };
};

/** Returns the document that was stored as these bytes, or `undefined` if they are not a document. */
export const bytesToDoc = (bytes: Uint8Array, randomBytes: RandomBytes): Y.Doc | undefined => {
  const doc = createDoc(randomBytes);
  try {
    Y.applyUpdate(doc, bytes);
    return doc;
  } catch {
    return undefined;
  }
};

/** Returns the bytes that are stored for a document. */
export const docToBytes = (doc: Y.Doc): Uint8Array => Y.encodeStateAsUpdate(doc);

/** Removes messages and their edits from a copy, as the server does in its rows. Returns whether there were any. */
export const purgeMessages = (doc: Y.Doc, removed: ReadonlySet<MessageId>): boolean => {
  const events = doc.getArray<unknown>(EVENTS_ROOT);
  const indexes = events.toArray().flatMap((value, index) => {
    const event = parseEvent(value);
    const id = event?.[1] === "message" ? event[2] : event?.[1] === "edit" ? event[5] : undefined;
    return id !== undefined && removed.has(id) ? [index] : [];
  });
  doc.transact(() => {
    // From the end, so that the earlier indexes stay valid.
    for (const index of indexes.reverse()) events.delete(index);
  });
  return indexes.length > 0;
};

/** Skips events of a later version: the app understands them after an update. */
const parseEvent = (value: unknown): RoomEvent | undefined =>
  Array.isArray(value) && value[0] === EVENT_VERSION && typeof value[1] === "string"
    ? (value as unknown as RoomEvent)
    : undefined;
