import type { CommandId, RoomHistory, RoomId, RoomKind, RoomRole, UserId } from "@edvoyage/protocol";

/** Executed commands, kept for 90 days. Read by `commands`. */
export interface CommandsTable {
  user_id: UserId;
  command_id: CommandId;
  /** SHA-256 of procedure and input, base64url. A command with the same id and other content is refused. */
  digest: string;
  /**
   * `receipt:` and a JSON of ids, positions and numbers; `null` while the command runs. Without this prefix it is the whole
   * answer, as stored before migration 0016-receipts.
   */
  answer: string | null;
  at: number;
}

/** Chat rooms; each has a log with the same id. Read by `chat` and `inbox`. */
export interface RoomsTable {
  id: RoomId;
  kind: RoomKind;
  name: string | null;
  history: RoomHistory;
  /** The ids of both members in order, so that a pair has only one direct room; `null` for groups. Unique. */
  direct_key: string | null;
  /** 0 or 1: whether it is a direct room whose creator was not among the contacts of the other member. */
  with_stranger: number;
  /** The number of current members, without invited students. */
  member_count: number;
  created_by: UserId;
  created_at: number;
  /** When the room itself last changed, such as its name; changes of the log do not count. */
  changed_at: number;
}

/** Current and former members of rooms. Read by `chat`, `inbox` and, to check access, `sync`. */
export interface RoomMembersTable {
  room_id: RoomId;
  user_id: UserId;
  role: RoomRole;
  /** The other member of a direct room, also after they left; `null` in groups. */
  peer_id: UserId | null;
  joined_at: number;
  left_at: number | null;
  /** The first segment that the member may read. */
  from_segment: number;
  /** The member has read everything up to this position, including it. Position -1 is before the first entry. */
  read_segment: number;
  read_position: number;
  changed_at: number;
}

/** Invitations to groups by students who are not among the invited student's contacts. Read by `chat` and `inbox`. */
export interface RoomInvitationsTable {
  room_id: RoomId;
  user_id: UserId;
  invited_by: UserId;
  at: number;
}
