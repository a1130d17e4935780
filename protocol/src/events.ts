import type { MessageId, RoomId, UserId } from "./ids.ts";

/** The version that every event starts with. */
export const EVENT_VERSION = 1;

/**
 * What a room's log holds: tuples, a third smaller than objects. Each is
 * `[version, kind, id, who did it, at (epoch ms), …]`.
 */
export type RoomEvent =
  | readonly [
      v: 1,
      kind: "message",
      id: MessageId,
      authorId: UserId,
      at: number,
      text: string,
      replyTo: MessageId | null,
    ]
  | readonly [
      v: 1,
      kind: "edit",
      id: string,
      authorId: UserId,
      at: number,
      messageId: MessageId,
      text: string,
    ]
  | readonly [v: 1, kind: "remove", id: string, removedBy: UserId, at: number, messageId: MessageId]
  | readonly [
      v: 1,
      kind: "reaction",
      id: string,
      userId: UserId,
      at: number,
      messageId: MessageId,
      /** `null` takes it back. One a student and message: a new one replaces the last. */
      emoji: string | null,
    ]
  | readonly [v: 1, kind: "joined", id: string, userId: UserId, at: number, by: UserId]
  | readonly [v: 1, kind: "left", id: string, userId: UserId, at: number, by: UserId]
  /** The last event of a full segment. */
  | readonly [v: 1, kind: "next", segment: number];

/** What an event can be. */
export type RoomEventKind = RoomEvent[1];

/** A place in a room's log. Positions are compared by segment, then by index. */
export interface Position {
  readonly segment: number;
  readonly index: number;
}

/** Before (negative), at (0) or after (positive). */
export const comparePositions = (one: Position, other: Position): number =>
  one.segment - other.segment || one.index - other.index;

/** What a room can be: one per pair of students, or many. */
export const ROOM_KINDS = ["direct", "group"] as const;
export type RoomKind = (typeof ROOM_KINDS)[number];

/** From where a member who joins may read. */
export const ROOM_HISTORIES = ["all", "fromJoining"] as const;
export type RoomHistory = (typeof ROOM_HISTORIES)[number];

/** What a member may do: the owner and admins add, remove and rename; the owner names admins. */
export const ROOM_ROLES = ["owner", "admin", "member"] as const;
export type RoomRole = (typeof ROOM_ROLES)[number];

/** Members of the largest room in which they are shown how far each has read. */
export const MAX_SHOWN_READERS = 32;

/** A room's newest entry: what a client compares its own copy with. */
export interface RoomHead extends Position {
  readonly roomId: RoomId;
  readonly id: string;
}
