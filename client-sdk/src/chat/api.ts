import type {
  Invitation,
  MessageId,
  MessageReceipt,
  Position,
  RoomDetails,
  RoomHistory,
  RoomId,
  RoomRole,
  RoomSummary,
  UserId,
} from "@edvoyage/protocol";
import type { ErrorReason } from "../runtime/errors.ts";
import type { Write } from "../outbox/write.ts";
import type { Unsubscribe } from "../runtime/observable.ts";

/** A message in its present state, including changes that this device has made and not sent yet. */
export type Message = MessageContent &
  (
    | {
        /** Only on this device; it is sent as soon as possible. */
        readonly state: "pending";
      }
    | {
        /** Stored by the server. */
        readonly state: "acked";
      }
    | {
        /** The server rejects it, or has lost it: call `retry` or `discard`. */
        readonly state: "failed";
        readonly reason: ErrorReason;
      }
  );

/** The content of a message. */
export interface MessageContent {
  readonly id: MessageId;
  readonly authorId: UserId;
  /** The server's clock; the device's clock until the server has the message. */
  readonly at: number;
  /** The text after the last edit. */
  readonly text: string;
  readonly replyTo: MessageId | null;
  readonly editedAt: number | null;
  /** At most one per student, oldest first. */
  readonly reactions: readonly Reaction[];
  /** Its place in the room; `null` while the device does not know it. */
  readonly position: Position | null;
  /** An edit of the message or a reaction to it waits to be sent. The fields already include it. */
  readonly hasPendingChange: boolean;
  /** Why the last edit, reaction or removal was refused; the command is in `outbox`. */
  readonly failure?: ErrorReason;
}

/** A student's reaction to a message. */
export interface Reaction {
  readonly userId: UserId;
  readonly emoji: string;
}

/** The visible state of a room; a new object after each change. */
export interface RoomView {
  /**
   * Oldest first; own messages that the server does not have yet come last. An unchanged message is the same object.
   */
  readonly messages: readonly Message[];
  /** The newest messages are available, from the device or from the server. */
  readonly isLoaded: boolean;
  /** There are older messages: call `loadOlder`. */
  readonly hasOlder: boolean;
  /** Other students who are typing now. Only updated while the room is watched. */
  readonly typingUserIds: readonly UserId[];
}

/** A room; the device may not have its messages yet. Methods change the device first, unless their description says otherwise. */
export interface Room extends RoomView {
  readonly id: RoomId;
  /** Calls the listener immediately and after each change. The room is connected while it is watched, and a little longer. */
  watch(listener: (view: RoomView) => void): Unsubscribe;
  /**
   * Resolves when the message is stored on the device; its id is the id of the write. Throws `limit/reached` (messageCharacters) and `input/invalid` before
   * anything is stored, and `device/full`, `device/failed`.
   */
  send(text: string, options?: { readonly replyTo?: string }): Promise<Write<MessageReceipt>>;
  /** Edits an own message, also one that still waits. Throws the errors of `send`, `forbidden`, and `conflict` for a failed one. */
  edit(messageId: string, text: string): Promise<Write<MessageReceipt>>;
  /** Removes a message for everybody; a message that was never sent leaves no trace. */
  remove(messageId: string): Promise<Write>;
  /** Sets the student's own reaction, one emoji; `null` removes it. */
  react(messageId: string, emoji: string | null): Promise<Write>;
  /** Sends a failed message again. Throws `not-found`. */
  retry(messageId: string): Promise<void>;
  /** Deletes a failed message permanently. Throws `not-found`. */
  discard(messageId: string): Promise<void>;
  /** Marks everything up to and including a position as read; the position never moves back. Default: the newest event here. */
  markRead(position?: Position): Promise<Write>;
  /** Tells the others. Ends five seconds after the last call, and when a message is sent. */
  typing(isTyping: boolean): void;
  /** Loads about 250 more events. Returns `false` when there are none. Throws `offline` when only the server has them. */
  loadOlder(): Promise<boolean>;

  /** Returns the members. This and the following methods need the server: they throw `offline` and the server's errors. */
  details(): Promise<RoomDetails>;
  /** Renames a group. */
  rename(name: string): Promise<RoomDetails>;
  /** Adds members. Students who do not have the caller among their contacts are invited instead. */
  addMembers(userIds: readonly string[]): Promise<RoomDetails>;
  /** Removes a member or withdraws an invitation. */
  removeMember(userId: string): Promise<RoomDetails>;
  /** Changes a member's role. */
  setRole(userId: string, role: RoomRole): Promise<RoomDetails>;
  /** Leaves the room and deletes it from the device. */
  leave(): Promise<void>;
}

/** The input for opening a room. */
export type NewRoom =
  /** The room of two students; there is only one. */
  | { readonly kind: "direct"; readonly userId: string }
  | {
      readonly kind: "group";
      readonly memberIds: readonly string[];
      readonly name?: string;
      /** The messages that later members may read. Default: "all". */
      readonly history?: RoomHistory;
    };

/** The list of rooms; a new object after each change. */
export interface ChatView {
  /** The room with the newest message first. An unchanged room is the same object. */
  readonly rooms: readonly RoomSummary[];
  readonly invitations: readonly Invitation[];
}

/** A student's rooms. */
export interface Chat {
  /** Returns the rooms, the one with the newest message first. */
  rooms(): readonly RoomSummary[];
  /** Returns the invitations to groups that wait for an answer. */
  invitations(): readonly Invitation[];
  /** Calls the listener immediately and after each change. */
  watchRooms(listener: (view: ChatView) => void): Unsubscribe;
  /** Returns the room with this id; always the same object for the same id. */
  room(id: string): Room;
  /** Opens a room on the server. Throws `offline`, `forbidden`, `not-found`, `limit/reached`. */
  createRoom(input: NewRoom): Promise<Room>;
  /** Accepts an invitation. Throws `offline`, `not-found`, `limit/reached`. */
  acceptInvitation(roomId: string): Promise<Room>;
  /** Declines an invitation. Throws `offline`, `not-found`. */
  declineInvitation(roomId: string): Promise<void>;
}
