import { comparePositions, type Position, type RoomHead } from "@edvoyage/protocol";

/** How a copy of a room's log compares to the log on the server. */
export type CopyStatus =
  /** The copy has what the server has. */
  | "current"
  /** The server has more. */
  | "behind"
  /** The copy has something that the server never had, or no longer has. */
  | "forked";

/**
 * Compares a copy with the newest event that the server reports. `end` is where the copy ended before the server was
 * asked: the server must report that event or a later one. `eventIdAt` reads the copy as it is now.
 */
export const compareToHead = (
  head: RoomHead,
  {
    end,
    eventIdAt,
  }: {
    readonly end: RoomHead;
    readonly eventIdAt?: ((position: Position) => string | undefined) | undefined;
  },
): CopyStatus => {
  const order = comparePositions(end, head);
  if (order > 0) return "forked";
  if (order === 0) return end.id === head.id ? "current" : "forked";
  // The copy may have reached that position in the meantime.
  const id = eventIdAt?.(head);
  return id !== undefined && id !== head.id ? "forked" : "behind";
};
