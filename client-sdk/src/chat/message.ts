import type { MessageId, Position, RoomEvent, UserId } from "@edvoyage/protocol";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { Message } from "./api.ts";

/** The type of a log's event, by kind. */
type EventOf<Kind extends RoomEvent[1]> = Extract<RoomEvent, { readonly 1: Kind }>;

/** Converts an event of the log to a message. */
export const eventToMessage = (
  [, , id, authorId, at, text, replyTo]: EventOf<"message">,
  position: Position,
): Message => ({
  id,
  authorId,
  at,
  text,
  replyTo,
  editedAt: null,
  reactions: [],
  position,
  hasPendingChange: false,
  state: "acked",
});

/** Converts a queued message to a message that the log here does not have. */
export const entryToMessage = (entry: OutboxEntry<"chat.send">, authorId: UserId): Message => {
  const content = {
    id: entry.id as string as MessageId,
    authorId,
    at: entry.createdAt,
    text: entry.input.text,
    replyTo: entry.input.replyTo,
    editedAt: null,
    reactions: [],
    position: null,
    hasPendingChange: false,
  };
  switch (entry.state) {
    case "acked":
      return { ...content, at: entry.answer.at, position: entry.answer.position, state: "acked" };
    case "failed":
      return { ...content, state: "failed", reason: entry.reason };
    case "pending":
      return { ...content, state: "pending" };
  }
};

/** Applies an edit; edits by anyone except the author change nothing. */
export const withEdit = (
  message: Message,
  { by, at, text }: { readonly by: UserId; readonly at: number; readonly text: string },
): Message => (message.authorId === by ? { ...message, text, editedAt: at } : message);

/** Applies a reaction. It replaces the student's previous one; `null` removes it. */
export const withReaction = (message: Message, userId: UserId, emoji: string | null): Message => {
  const others = message.reactions.filter((reaction) => reaction.userId !== userId);
  return { ...message, reactions: emoji === null ? others : [...others, { userId, emoji }] };
};

/** Returns whether two states of one message look the same. */
export const isSameMessage = (one: Message, other: Message): boolean =>
  one.text === other.text &&
  one.at === other.at &&
  one.editedAt === other.editedAt &&
  one.hasPendingChange === other.hasPendingChange &&
  one.failure === other.failure &&
  one.position?.segment === other.position?.segment &&
  one.position?.index === other.position?.index &&
  one.state === other.state &&
  (one.state !== "failed" || other.state !== "failed" || one.reason === other.reason) &&
  one.reactions.length === other.reactions.length &&
  one.reactions.every(({ userId, emoji }, place) => {
    const reaction = other.reactions[place];
    return reaction?.userId === userId && reaction.emoji === emoji;
  });
