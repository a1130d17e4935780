import type { RoomHead, RoomId } from "@edvoyage/protocol";
import type * as Y from "yjs";
import type { RandomBytes } from "../runtime/ids.ts";
import { putBytes, putJson, remove, type Records } from "../storage/records.ts";
import type { Change } from "../storage/storage.ts";
import type { LostMessages } from "./lost-messages.ts";
import type { RoomHistory } from "./room-history.ts";
import { bytesToDoc, docToBytes } from "./segment.ts";

/**
 * The records of one room's log on a device: a copy for each segment, the end of the log, and messages that may be
 * lost.
 */
export interface RoomRecords {
  /** Returns the segments that have a copy, ascending. */
  segments(): Promise<readonly number[]>;
  /** Resolves with `undefined` if there is none, or it was damaged. */
  copy(segment: number): Promise<Y.Doc | undefined>;
  lost(): Promise<LostMessages | undefined>;
  /** Resolves with the messages that were read by HTTP, if there are any. */
  history(): Promise<RoomHistory | undefined>;
  readonly putCopy: (segment: number, doc: Y.Doc) => Change;
  readonly removeCopy: (segment: number) => Change;
  /** `undefined` removes it. */
  readonly putEnd: (end: RoomHead | undefined) => Change;
  /** `undefined` removes it. */
  readonly putLost: (lost: LostMessages | undefined) => Change;
  /** `undefined` removes it. */
  readonly putHistory: (history: RoomHistory | undefined) => Change;
}

const END = "end/";
const LOST = "lost/";
const HISTORY = "history/";
/** The maximum number of digits of a segment in a document's name, so that keys sort like numbers. */
const SEGMENT_DIGITS = 9;

/** Creates the records of one room's log. */
export const createRoomRecords = (
  roomId: RoomId,
  { records, randomBytes }: { readonly records: Records; readonly randomBytes: RandomBytes },
): RoomRecords => {
  const prefix = `room/${roomId}/`;
  const keyOf = (segment: number): string => `${prefix}${String(segment).padStart(SEGMENT_DIGITS, "0")}`;
  const putOrRemove = (key: string, value: unknown): Change =>
    value === undefined ? remove(key) : putJson(key, value);
  return {
    segments: async () => (await records.keys(prefix)).map((key) => Number(key.slice(prefix.length))),
    copy: async (segment) => {
      const bytes = await records.getBytes(keyOf(segment));
      return bytes && bytesToDoc(bytes, randomBytes);
    },
    lost: () => records.getJson(LOST + roomId),
    history: () => records.getJson(HISTORY + roomId),
    putCopy: (segment, doc) => putBytes(keyOf(segment), docToBytes(doc)),
    removeCopy: (segment) => remove(keyOf(segment)),
    putEnd: (end) => putOrRemove(END + roomId, end),
    putLost: (lost) => putOrRemove(LOST + roomId, lost),
    putHistory: (history) => putOrRemove(HISTORY + roomId, history),
  };
};

/** Reads the newest event of every room's copies, without reading a copy; `null` for a room that is being rebuilt. */
export const loadRoomEnds = async (records: Records): Promise<Map<RoomId, RoomHead | null>> => {
  const ends = await records.listJson<RoomHead>(END);
  const lost = await records.keys(LOST);
  return new Map<RoomId, RoomHead | null>([
    ...ends.map(({ value }) => [value.roomId, value] as const),
    ...lost.map((key) => [key.slice(LOST.length) as RoomId, null] as const),
  ]);
};
