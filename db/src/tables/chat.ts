import type { CommandId, RoomHistory, RoomId, RoomKind, RoomRole, UserId } from "@edvoyage/protocol";

/** Commands that took effect, for 90 days. Read by `commands`. */
export interface CommandsTable {
  user_id: UserId;
  command_id: CommandId;
  /** SHA-256 of procedure and input, base64url: another content under the same id is refused. */
  digest: string;
  /**
   * `receipt:` and JSON of ids, positions and numbers; `null` while the command runs. Without the mark: the whole answer, as
   * versions before 0016-receipts kept it.
   */
  answer: string | null;
  at: number;
}

/** Chat rooms; each is a log of the same id. Read by `chat` and `inbox`. */
export interface RoomsTable {
  id: RoomId;
  kind: RoomKind;
  name: string | null;
  history: RoomHistory;
  /** Both members' ids in order, so that a pair has one direct room; `null` for groups. Unique. */
  direct_key: string | null;
  /** 0 or 1: whether it is a direct room whose other member did not have its creator among her contacts. */
  with_stranger: number;
  /** Of those who are in it now, without the invited. */
  member_count: number;
  created_by: UserId;
  created_at: number;
  /** Of the room itself, such as its name; not of its log. */
  changed_at: number;
}

/** Who is and was in a room. Read by `chat`, `inbox` and, for access, `sync`. */
export interface RoomMembersTable {
  room_id: RoomId;
  user_id: UserId;
  role: RoomRole;
  /** The other of a direct room, also when she has left it; `null` in groups. */
  peer_id: UserId | null;
  joined_at: number;
  left_at: number | null;
  /** The first segment that the member may read. */
  from_segment: number;
  /** Up to where she has read: everything at or before this place. Position -1 is before the first. */
  read_segment: number;
  read_position: number;
  changed_at: number;
}

/** Who was asked into a group by somebody who is not among her contacts. Read by `chat` and `inbox`. */
export interface RoomInvitationsTable {
  room_id: RoomId;
  user_id: UserId;
  invited_by: UserId;
  at: number;
}
