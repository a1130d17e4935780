import type { MessageId, Position, RoomEvent, UserId } from "@edvoyage/protocol";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { Message } from "./api.ts";

/** What a log says of a message, by the kind of event. */
type EventOf<Kind extends RoomEvent[1]> = Extract<RoomEvent, { readonly 1: Kind }>;

/** A message as the log has it. */
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

/** A message that the log here does not have. */
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

/** After an edit; one by another than the author changes nothing. */
export const withEdit = (
  message: Message,
  { by, at, text }: { readonly by: UserId; readonly at: number; readonly text: string },
): Message => (message.authorId === by ? { ...message, text, editedAt: at } : message);

/** After a reaction, which replaces the student's former one; `null` takes that back. */
export const withReaction = (message: Message, userId: UserId, emoji: string | null): Message => {
  const others = message.reactions.filter((reaction) => reaction.userId !== userId);
  return { ...message, reactions: emoji === null ? others : [...others, { userId, emoji }] };
};

/** Whether two states of one message show no difference. */
export const isSameMessage = (one: Message, other: Message): boolean =>
  one.text === other.text &&
  one.at === other.at &&
  one.editedAt === other.editedAt &&
  one.hasPendingChange === other.hasPendingChange &&
  one.position?.segment === other.position?.segment &&
  one.position?.index === other.position?.index &&
  one.state === other.state &&
  (one.state !== "failed" || other.state !== "failed" || one.reason === other.reason) &&
  one.reactions.length === other.reactions.length &&
  one.reactions.every(({ userId, emoji }, place) => {
    const reaction = other.reactions[place];
    return reaction?.userId === userId && reaction.emoji === emoji;
  });
