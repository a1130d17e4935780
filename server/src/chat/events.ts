import type { CommandId, MessageId, RoomEvent, RoomId, UserId } from "@edvoyage/protocol";
import type { EntryValue } from "../sync/log-encoder.ts";
import type { NewEntry } from "../sync/room-logs.ts";

/** What a room puts into its log; the log itself writes `next`. */
export type ChatEvent = Exclude<RoomEvent, readonly [1, "next", number]>;

/** An event as an entry of the room's log, found again by what it is about. */
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

/** The id of the message that a command sends is the command's: however often it arrives, it is one message. */
export const commandToMessageId = (id: CommandId): MessageId => id as string as MessageId;

/** What a decoded message or edit says; `null` for anything else. */
export const textOf = (event: readonly EntryValue[]): string | null => {
  const text = event[1] === "message" ? event[5] : event[1] === "edit" ? event[6] : null;
  return typeof text === "string" ? text : null;
};

/** The message that a decoded message answers; `null` for none. */
export const replyToOf = (event: readonly EntryValue[]): MessageId | null => {
  const replyTo = event[1] === "message" ? event[6] : null;
  return typeof replyTo === "string" ? toMessageId(replyTo) : null;
};

/** The emoji of a decoded reaction; `null` for one that was taken back. */
export const emojiOf = (event: readonly EntryValue[]): string | null => {
  const emoji = event[1] === "reaction" ? event[6] : null;
  return typeof emoji === "string" ? emoji : null;
};

/** The message that a row or an event names. */
export const toMessageId = (id: string): MessageId => id as MessageId;

/** The student whom a row names as an entry's author. */
export const toUserId = (id: string): UserId => id as UserId;
