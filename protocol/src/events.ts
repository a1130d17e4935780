import type { MessageId, RoomId, UserId } from "./ids.ts";

/** The version that every event starts with. */
export const EVENT_VERSION = 1;

/**
 * An event in a room's log. Events are tuples because these are a third smaller than objects. Each is
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
      /** `null` removes the reaction. Each student has one reaction to a message: a new one replaces the previous one. */
      emoji: string | null,
    ]
  | readonly [v: 1, kind: "joined", id: string, userId: UserId, at: number, by: UserId]
  | readonly [v: 1, kind: "left", id: string, userId: UserId, at: number, by: UserId]
  /** The last event of a full segment. */
  | readonly [v: 1, kind: "next", segment: number];

/** The kind of an event. */
export type RoomEventKind = RoomEvent[1];

/** A place in a room's log. Positions are compared by segment, then by index. */
export interface Position {
  readonly segment: number;
  readonly index: number;
}

/** Compares two positions: negative if `one` is before `other`, 0 if they are equal, positive if it is after. */
export const comparePositions = (one: Position, other: Position): number =>
  one.segment - other.segment || one.index - other.index;

/** The kinds of rooms: `direct` exists once for each pair of students; `group` has any members. */
export const ROOM_KINDS = ["direct", "group"] as const;
export type RoomKind = (typeof ROOM_KINDS)[number];

/** How much of the history a new member may read: all of it, or only from the moment of joining. */
export const ROOM_HISTORIES = ["all", "fromJoining"] as const;
export type RoomHistory = (typeof ROOM_HISTORIES)[number];

/** The roles of members: the owner and admins add and remove members and rename the room; only the owner appoints admins. */
export const ROOM_ROLES = ["owner", "admin", "member"] as const;
export type RoomRole = (typeof ROOM_ROLES)[number];

/** Rooms with more members than this do not show how far each member has read. */
export const MAX_SHOWN_READERS = 32;

/** A room's newest entry; a client compares its own copy with it. */
export interface RoomHead extends Position {
  readonly roomId: RoomId;
  readonly id: string;
}
