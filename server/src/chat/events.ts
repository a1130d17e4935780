import type { CommandId, MessageId, RoomEvent, RoomId, UserId } from "@edvoyage/protocol";
import type { EntryValue } from "../sync/log-encoder.ts";
import type { NewEntry } from "../sync/room-logs.ts";

/** An event that chat writes to a room's log. Only the log itself writes `next`. */
export type ChatEvent = Exclude<RoomEvent, readonly [1, "next", number]>;

/** Converts an event to a log entry. Its subject, the room or a message, is the key for finding it again. */
export const eventToEntry = (roomId: RoomId, event: ChatEvent): NewEntry => {
  const [, kind, id, authorId, at] = event;
  return { id, kind, event, authorId, subjectId: subjectOf(roomId, event), at };
};

const subjectOf = (roomId: RoomId, event: ChatEvent): RoomId | MessageId | null => {
  switch (event[1]) {
    case "message":
      return roomId;
    case "edit":
    case "remove":
    case "reaction":
      return event[5];
    default:
      return null;
  }
};

/** A sent message takes the id of its command, so a command that arrives several times creates one message. */
export const commandToMessageId = (id: CommandId): MessageId => id as string as MessageId;

/** Returns the text of a decoded message or edit; `null` for any other event. */
export const textOf = (event: readonly EntryValue[]): string | null => {
  const text = event[1] === "message" ? event[5] : event[1] === "edit" ? event[6] : null;
  return typeof text === "string" ? text : null;
};

/** Returns the message that a decoded message replies to; `null` if it is no reply. */
export const replyToOf = (event: readonly EntryValue[]): MessageId | null => {
  const replyTo = event[1] === "message" ? event[6] : null;
  return typeof replyTo === "string" ? toMessageId(replyTo) : null;
};

/** Returns the emoji of a decoded reaction; `null` if the reaction was withdrawn. */
export const emojiOf = (event: readonly EntryValue[]): string | null => {
  const emoji = event[1] === "reaction" ? event[6] : null;
  return typeof emoji === "string" ? emoji : null;
};

/** Brands an id from a row or an event as a message id. */
export const toMessageId = (id: string): MessageId => id as MessageId;

/** Brands an author's id from a row as a user id. */
export const toUserId = (id: string): UserId => id as UserId;
