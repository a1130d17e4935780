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
