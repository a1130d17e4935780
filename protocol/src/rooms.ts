import type { Position, RoomHistory, RoomKind, RoomRole } from "./events.ts";
import type { RoomId, UserId } from "./ids.ts";

/** An invitation of a student to a group. */
export interface Invitation {
  /** The id of the room; `chat.rooms.acceptInvitation` takes it. */
  readonly id: RoomId;
  readonly name: string | null;
  readonly invitedBy: UserId;
  readonly memberCount: number;
  readonly at: number;
}

/** The parts of a room that every view of it has. */
interface AnyRoom {
  readonly id: RoomId;
  readonly kind: RoomKind;
  /** `null` for direct rooms and for groups without a name. */
  readonly name: string | null;
  /** The other student of a direct room, also after they have left it; `null` for groups. */
  readonly peer: { readonly id: UserId; readonly name: string | null } | null;
  /** The caller's own role. */
  readonly role: RoomRole;
  readonly memberCount: number;
}

/** The part of a room's log that a member may read. */
interface ReadableLog {
  readonly history: RoomHistory;
  /** The first segment of the log that the caller may read. */
  readonly fromSegment: number;
}

/** A room as one of its members sees it. */
export interface Room extends AnyRoom, ReadableLog {
  readonly createdAt: number;
  readonly changedAt: number;
}

/** A room with its members and the students who were invited. */
export interface RoomDetails extends Room {
  /** In the order in which they joined. */
  readonly members: readonly {
    readonly userId: UserId;
    readonly name: string | null;
    readonly role: RoomRole;
    readonly joinedAt: number;
  }[];
  readonly invited: readonly {
    readonly userId: UserId;
    /** `null` if the invited student has no name or has blocked the caller. */
    readonly name: string | null;
    readonly invitedBy: UserId;
    readonly at: number;
  }[];
}

/** A room in the list of rooms. */
export interface RoomSummary extends AnyRoom {
  /** The number of unread messages by others, without removed ones; 1,000 means 1,000 or more. */
  readonly unread: number;
  /**
   * The beginning of the newest message, at most 120 characters; `null` when there is none. On a device it may be an own
   * message that waits to be sent.
   */
  readonly preview: string | null;
  readonly lastAuthorId: UserId | null;
  readonly lastAt: number | null;
  /**
   * Everything up to and including this position was read, on this or another device. Index -1 is before the first entry of
   * the segment.
   */
  readonly readPosition: Position;
  /** The read positions of the others, in direct rooms and groups of up to 32; `[]` in larger groups. */
  readonly othersRead: readonly { readonly userId: UserId; readonly position: Position }[];
}

/** A room of the inbox that the student is in. */
export interface InboxMemberRoom extends RoomSummary, ReadableLog {
  readonly state: "member";
  /** The newest event. A device whose copy has another id at this position holds a history that the server no longer has. */
  readonly head: Position & { readonly id: string };
}

/** A room in a student's inbox. */
export type InboxRoom =
  | InboxMemberRoom
  /** A room that the student has left or was removed from. */
  | { readonly state: "left"; readonly id: RoomId; readonly leftAt: number };
