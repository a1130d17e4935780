import type { CommandId, MessageId, Position, RoomId, UserId } from "@edvoyage/protocol";
import type { ErrorReason } from "../errors.ts";

/** What may wait in the outbox, by procedure: what each is called with. */
export interface QueuedInputs {
  /** The message's id is the command's. */
  "chat.send": { readonly roomId: RoomId; readonly text: string; readonly replyTo: MessageId | null };
  "chat.edit": { readonly roomId: RoomId; readonly messageId: MessageId; readonly text: string };
  "chat.remove": { readonly roomId: RoomId; readonly messageId: MessageId };
  "chat.react": { readonly roomId: RoomId; readonly messageId: MessageId; readonly emoji: string | null };
  "chat.markRead": { readonly roomId: RoomId; readonly position: Position };
  "contacts.add": { readonly userId: UserId; readonly nickname?: string | null };
  "contacts.update": {
    readonly userId: UserId;
    readonly nickname?: string | null;
    readonly favourite?: boolean;
    readonly blocked?: boolean;
  };
  "contacts.remove": { readonly userId: UserId };
  /** An edit of the user document that the server did not take. It is not sent, only shown. */
  "document.edit": {
    readonly root: "favourites" | "settings";
    readonly key: string;
    /** `null` removes it. */
    readonly value: unknown;
  };
}

/** A procedure whose calls may wait. */
export type QueuedProcedure = keyof QueuedInputs;

/** Where in a room's log a command came to be, as the server answered. */
export interface LogReceipt {
  readonly messageId: MessageId;
  readonly position: Position;
  /** The server's clock. */
  readonly at: number;
}

type EntryState =
  /** Waits for its turn, for the server or for a session. */
  | { readonly state: "pending"; readonly isSending: boolean }
  /** The server will not take it, or failed too often. It stays until it is retried or discarded. */
  | {
      readonly state: "failed";
      readonly reason: ErrorReason;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
    }
  /** In a room's log on the server, and not yet in the copy here: shown from here until it is. */
  | { readonly state: "acked"; readonly answer: LogReceipt };

/** A command of the outbox. */
export type OutboxEntry<P extends QueuedProcedure = QueuedProcedure> = {
  readonly [Name in P]: {
    readonly id: CommandId;
    readonly procedure: Name;
    readonly input: QueuedInputs[Name];
    /** What is sent in order: such as one room. */
    readonly lane: string;
    /** The device's clock. */
    readonly createdAt: number;
  } & EntryState;
}[P];
