import { EVENT_VERSION, EVENTS_ROOT, type MessageId, type RoomEvent } from "@edvoyage/protocol";
import * as Y from "yjs";
import type { RandomBytes } from "../runtime/ids.ts";
import { createDoc } from "./create-doc.ts";

/** A row of a room's log that was not redacted. */
export interface LogRow {
  /** Its place in the segment. */
  readonly index: number;
  readonly event: RoomEvent;
}

/** What the copy of one segment has. */
export interface Segment {
  readonly segment: number;
  /** In the order of the log; redacted ones are missing. */
  readonly rows: readonly LogRow[];
  /** Rows in all. */
  readonly length: number;
  /** Its last row says where the log goes on. */
  readonly isSealed: boolean;
  /** It has what the server never wrote: a log has one writer. */
  readonly isRogue: boolean;
}

/** Reads what a document has, row by row: the writer's clock counts rows, the array only those that are left. */
export const readSegment = (segment: number, doc: Y.Doc): Segment => {
  const writers = [...doc.store.clients.values()];
  const structs = writers[0] ?? [];
  const rows = structs.flatMap((struct) =>
    struct instanceof Y.Item && !struct.deleted
      ? struct.content.getContent().flatMap((value: unknown, place): LogRow[] => {
          const event = parseEvent(value);
          return event ? [{ index: struct.id.clock + place, event }] : [];
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

/** The document that was kept as these bytes; `undefined` for bytes that are none. */
export const bytesToDoc = (bytes: Uint8Array, randomBytes: RandomBytes): Y.Doc | undefined => {
  const doc = createDoc(randomBytes);
  try {
    Y.applyUpdate(doc, bytes);
    return doc;
  } catch {
    return undefined;
  }
};

/** What is kept of a document. */
export const docToBytes = (doc: Y.Doc): Uint8Array => Y.encodeStateAsUpdate(doc);

/** Drops removed messages and their edits, as the server does it in its rows. Returns whether there were any. */
export const purgeMessages = (doc: Y.Doc, removed: ReadonlySet<MessageId>): boolean => {
  const events = doc.getArray<unknown>(EVENTS_ROOT);
  const places = events.toArray().flatMap((value, place) => {
    const event = parseEvent(value);
    const id = event?.[1] === "message" ? event[2] : event?.[1] === "edit" ? event[5] : undefined;
    return id !== undefined && removed.has(id) ? [place] : [];
  });
  doc.transact(() => {
    // From the end, so that the places before stay what they are.
    for (const place of places.reverse()) events.delete(place);
  });
  return places.length > 0;
};

/** Events of a later version are passed over: they will be understood after an update of the app. */
const parseEvent = (value: unknown): RoomEvent | undefined =>
  Array.isArray(value) && value[0] === EVENT_VERSION && typeof value[1] === "string"
    ? (value as unknown as RoomEvent)
    : undefined;
