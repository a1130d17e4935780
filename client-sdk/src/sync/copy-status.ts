import { comparePositions, type Position, type RoomHead } from "@edvoyage/protocol";

/** How a copy of a room's log stands to the log itself. */
export type CopyStatus =
  /** It has what the server has. */
  | "current"
  /** There is more. */
  | "behind"
  /** It has what the server never had, or has no more. */
  | "forked";

/**
 * Compares a copy with the newest event that the server names. `end` is where the copy ended before the server was
 * asked: what it had then, the server must have named, or something later. `eventIdAt` is of the copy as it is now.
 */
export const compareToHead = (
  head: RoomHead,
  {
    end,
    eventIdAt,
  }: { readonly end: RoomHead; readonly eventIdAt?: ((place: Position) => string | undefined) | undefined },
): CopyStatus => {
  const order = comparePositions(end, head);
  if (order > 0) return "forked";
  if (order === 0) return end.id === head.id ? "current" : "forked";
  // What came since may reach that far already.
  const id = eventIdAt?.(head);
  return id !== undefined && id !== head.id ? "forked" : "behind";
};
