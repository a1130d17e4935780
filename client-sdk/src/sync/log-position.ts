import type { Position, RoomHead, RoomId } from "@edvoyage/protocol";
import type { Segment } from "./segment.ts";

/** Returns the newest event, ignoring one that only ends a segment. The inbox calls it the room's head. */
export const endOf = (roomId: RoomId, segments: readonly Segment[]): RoomHead | undefined => {
  for (const { segment, rows } of [...segments].reverse()) {
    for (const { index, event } of [...rows].reverse()) {
      if (event[1] !== "next") return { roomId, segment, index, id: event[2] };
    }
  }
  return undefined;
};

/** Returns the id of the event at a position, or `undefined` if there is none or it was removed. */
export const eventIdAt = (segments: readonly Segment[], { segment, index }: Position): string | undefined => {
  const row = segments
    .find((copy) => copy.segment === segment)
    ?.rows.find((logRow) => logRow.index === index);
  return row && row.event[1] !== "next" ? row.event[2] : undefined;
};
