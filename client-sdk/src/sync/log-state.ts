import type { RoomHead } from "@edvoyage/protocol";
import type { Segment } from "./segment.ts";
/** Consecutive segments of a log, up to the newest one known. */
export interface LogState {
  /** Oldest first. Empty while nothing is known. */
  readonly segments: readonly Segment[];
  /** The newest event, ignoring one that only ends a segment. */
  readonly end: RoomHead | undefined;
  /** Whether the log has segments before the first one here. */
  readonly hasOlder: boolean;
  /** Whether everything that the server has is here, and new events arrive by themselves. */
  readonly isCurrent: boolean;
  /** Whether copies were dropped and it is not decided yet which messages were lost with them. */
  readonly isRebuilding: boolean;
}
