import type {
  MessageId,
  Position,
  RoomHistory,
  RoomId,
  RoomKind,
  RoomRole,
  UserId,
} from "@edvoyage/protocol";
import type { ErrorReason } from "../runtime/errors.ts";
import type { Unsubscribe } from "../runtime/observable.ts";

/** A message as it is now, with what this device has done to it and not sent yet. */
export type Message = MessageContent &
  (
    | {
        /** On this device alone: it is sent as soon as that is possible. */
        readonly state: "pending";
      }
    | {
        /** On the server's disk. */
        readonly state: "acked";
      }
    | {
        /** The server will not take it, or has lost it: `retry` or `discard` it. */
        readonly state: "failed";
        readonly reason: ErrorReason;
      }
  );

/** What a message says. */
export interface MessageContent {
  readonly id: MessageId;
  readonly authorId: UserId;
  /** The server's clock; the device's until the server has it. */
  readonly at: number;
  /** As it was edited last. */
  readonly text: string;
  readonly replyTo: MessageId | null;
  readonly editedAt: number | null;
  /** One a student, oldest first. */
  readonly reactions: readonly Reaction[];
  /** Its place in the room; `null` while the device does not know it. */
  readonly position: Position | null;
  /** An edit of it or a reaction to it waits to be sent; what is shown has it already. */
  readonly hasPendingChange: boolean;
}

/** What a student thinks of a message. */
export interface Reaction {
  readonly userId: UserId;
  readonly emoji: string;
}

/** What there is to see of a room; a new object when something of it changes. */
export interface RoomView {
  /**
   * Oldest first, own ones that the server does not have at the end. A message that did not change is the same object.
   */
  readonly messages: readonly Message[];
  /** The newest messages are here, from the device or from the server. */
  readonly isLoaded: boolean;
  /** There are older ones: see `loadOlder`. */
  readonly hasOlder: boolean;
  /** Others who type now. Known while the room is watched. */
  readonly typingUserIds: readonly UserId[];
}

/** A room, also one whose messages the device has never seen. All it does is done on the device first, unless told. */
export interface Room extends RoomView {
  readonly id: RoomId;
  /** Calls at once and after each change. The room is connected while somebody watches it, and a little longer. */
  watch(listener: (view: RoomView) => void): Unsubscribe;
  /**
   * Resolves when the message is on the device's disk. Throws `limit/reached` (messageCharacters) and `input/invalid` before
   * anything is kept, `device/full`, `device/failed`.
   */
  send(text: string, options?: { readonly replyTo?: string }): Promise<Message>;
  /** Changes an own message, also one that waits. Throws what `send` throws; `forbidden`, `conflict` for a failed one. */
  edit(messageId: string, text: string): Promise<void>;
  /** Removes a message for everybody; one that was never sent goes without a trace. */
  remove(messageId: string): Promise<void>;
  /** Sets the own reaction, one emoji; `null` takes it back. */
  react(messageId: string, emoji: string | null): Promise<void>;
  /** Sends a failed message again. Throws `not-found`. */
  retry(messageId: string): Promise<void>;
  /** Drops a failed message for good. Throws `not-found`. */
  discard(messageId: string): Promise<void>;
  /** Marks as read up to and with a place: the newest that is here, unless told. It never goes back. */
  markRead(position?: Position): Promise<void>;
  /** Tells the others; over after five seconds unless it is said again, and when a message is sent. */
  typing(isTyping: boolean): void;
  /** Shows about 250 more events. `false` when there are none. Throws `offline` when the device does not have them. */
  loadOlder(): Promise<boolean>;

  /** Who is in it. This and what follows needs the server: it throws `offline`, and what the server says. */
  details(): Promise<RoomDetails>;
  rename(name: string): Promise<RoomDetails>;
  /** Those who do not have the one who adds among their contacts are invited. */
  addMembers(userIds: readonly string[]): Promise<RoomDetails>;
  /** Takes an invitation back too. */
  removeMember(userId: string): Promise<RoomDetails>;
  setRole(userId: string, role: RoomRole): Promise<RoomDetails>;
  /** The device forgets the room. */
  leave(): Promise<void>;
}

/** A room in the list of rooms. */
export interface RoomSummary {
  readonly id: RoomId;
  readonly kind: RoomKind;
  /** `null` for direct rooms, and for groups without one. */
  readonly name: string | null;
  /** The other of a direct room; `null` for groups. */
  readonly peer: { readonly id: UserId; readonly name: string | null } | null;
  /** The student's own. */
  readonly role: RoomRole;
  readonly memberCount: number;
  /** Others' messages that she has not read; 1,000 stands for as many and more. */
  readonly unread: number;
  /** How the newest message begins, own ones that wait included; `null` when there is none. */
  readonly preview: string | null;
  readonly lastAuthorId: UserId | null;
  readonly lastAt: number | null;
  /** Everything up to and with this place is read, on this or another device. */
  readonly readPosition: Position;
  /** How far the others have read, in direct rooms and groups of up to 32; `[]` in larger ones. */
  readonly othersRead: readonly { readonly userId: UserId; readonly position: Position }[];
}

/** A group that the student was asked into. */
export interface Invitation {
  /** The room's. */
  readonly id: RoomId;
  readonly name: string | null;
  readonly invitedBy: UserId;
  readonly memberCount: number;
  readonly at: number;
}

/** A room with those who are in it and those who were asked in. */
export interface RoomDetails {
  readonly id: RoomId;
  readonly kind: RoomKind;
  readonly name: string | null;
  readonly history: RoomHistory;
  readonly role: RoomRole;
  readonly memberCount: number;
  readonly peer: RoomSummary["peer"];
  readonly createdAt: number;
  /** In the order in which they joined. */
  readonly members: readonly {
    readonly userId: UserId;
    readonly name: string | null;
    readonly role: RoomRole;
    readonly joinedAt: number;
  }[];
  readonly invited: readonly {
    readonly userId: UserId;
    readonly name: string | null;
    readonly invitedBy: UserId;
    readonly at: number;
  }[];
}

/** A room to be opened. */
export type NewRoom =
  /** The one room of two students: there is no second. */
  | { readonly kind: "direct"; readonly userId: string }
  | {
      readonly kind: "group";
      readonly memberIds: readonly string[];
      readonly name?: string;
      /** From where those who join later may read; "all" unless told. */
      readonly history?: RoomHistory;
    };

/** The list of rooms; a new object when something of it changes. */
export interface ChatView {
  /** The one with the newest message first. A room that did not change is the same object. */
  readonly rooms: readonly RoomSummary[];
  readonly invitations: readonly Invitation[];
}

/** A student's rooms. */
export interface Chat {
  rooms(): readonly RoomSummary[];
  invitations(): readonly Invitation[];
  /** Calls at once and after each change. */
  watchRooms(listener: (view: ChatView) => void): Unsubscribe;
  /** The room of an id, the same object each time. */
  room(id: string): Room;
  /** Opens a room on the server. Throws `offline`, `forbidden`, `not-found`, `limit/reached`. */
  createRoom(input: NewRoom): Promise<Room>;
  /** Throws `offline`, `not-found`, `limit/reached`. */
  acceptInvitation(roomId: string): Promise<Room>;
  /** Throws `offline`, `not-found`. */
  declineInvitation(roomId: string): Promise<void>;
}
