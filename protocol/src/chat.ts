import type { Position } from "./events.ts";
import type { MessageId, UserId } from "./ids.ts";

/** A message as it is now, for clients that do not follow the log. */
export interface Message {
  readonly id: MessageId;
  readonly position: Position;
  readonly authorId: UserId;
  readonly at: number;
  /** The text of the newest edit; `null` after removal. */
  readonly text: string | null;
  readonly replyTo: MessageId | null;
  readonly editedAt: number | null;
  /** At most one per student, oldest first. */
  readonly reactions: readonly { readonly userId: UserId; readonly emoji: string }[];
}

/** Messages of a room, newest first. */
export interface MessagePage {
  readonly items: readonly Message[];
  /** Pass it as `before` to get the next page. `null` on the last page. */
  readonly nextCursor: Position | null;
}

/** The position of a message's event in the room's log. It never moves, so a repeated command returns the same receipt. */
export interface MessageReceipt {
  readonly messageId: MessageId;
  readonly position: Position;
  /** The server's clock. */
  readonly at: number;
}

/** The result of a reaction. */
export interface ReactionReceipt extends Omit<MessageReceipt, "position"> {
  readonly emoji: string | null;
  /** `null` when there was no reaction to withdraw. */
  readonly position: Position | null;
}
