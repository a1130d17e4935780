import { comparePositions, type MessageId, type Position, type UserId } from "@edvoyage/protocol";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { Segment } from "../sync/segment.ts";
import type { Message } from "./api.ts";
import { createLogFold, type LogFold } from "./log-fold.ts";
import { entryToMessage, isSameMessage, withEdit, withReaction } from "./message.ts";

/** The sources of a room's messages. */
export interface MessageSources {
  readonly segments: readonly Segment[];
  /** The position of the newest event in `segments`. */
  readonly end: Position | undefined;
  /** The room's commands in the outbox. */
  readonly entries: readonly OutboxEntry[];
}

/**
 * Creates a function that builds a room's messages from its log and the outbox. The result depends only on these two, so
 * all devices agree. It remembers earlier results only to return the same objects again, including the list itself.
 */
export const createMessagesView = (userId: UserId): ((sources: MessageSources) => readonly Message[]) => {
  const foldLog = createLogFold();
  let former: readonly Message[] = [];
  let formerOwn: ReadonlyMap<MessageId, Message> = new Map();

  return ({ segments, end, entries }) => {
    const fold = foldLog(segments);
    const changes = changesOf(fold, { end, entries, userId });
    const own = new Map<MessageId, Message>();
    /** Returns the object from last time or from the log if it is equal. */
    const settle = (message: Message): Message => {
      const { id } = message;
      const known = [formerOwn.get(id), fold.messageById.get(id)];
      const same = known.find((one) => one && isSameMessage(one, message)) ?? message;
      own.set(id, same);
      return same;
    };
    const messages: Message[] = [];
    for (const message of fold.messageById.values()) {
      const changed = changes.get(message.id);
      if (changed) messages.push(settle(changed));
      // A message from the outbox last time may come from the log now.
      else if (changed === undefined) messages.push(formerOwn.has(message.id) ? settle(message) : message);
    }
    for (const [id, message] of changes) {
      if (message && !fold.messageById.has(id)) messages.push(settle(message));
    }
    formerOwn = own;
    const isSame = messages.length === former.length && messages.every((one, place) => one === former[place]);
    if (!isSame) former = messages;
    return former;
  };
};

/** Marks a message that has a change on its way. */
const toChanging = (message: Message): Message => {
  const { failure: _, ...rest } = message;
  return { ...rest, hasPendingChange: true };
};

/** Returns the outbox's changes to the log, with own messages in the order in which they were written; `null` removes a message. */
const changesOf = (
  { messageById, removedIds }: LogFold,
  { end, entries, userId }: Pick<MessageSources, "end" | "entries"> & { readonly userId: UserId },
): ReadonlyMap<MessageId, Message | null> => {
  const changes = new Map<MessageId, Message | null>();
  for (const entry of entries) {
    // The log already has it. From then on only the log counts, because it may contain later changes.
    if (entry.state === "acked" && end && comparePositions(entry.answer.position, end) <= 0) continue;
    if (entry.procedure === "chat.send") {
      const message = entryToMessage(entry, userId);
      if (!messageById.has(message.id) && !removedIds.has(message.id)) changes.set(message.id, message);
      continue;
    }
    if (!isAboutMessage(entry)) continue;
    const { messageId } = entry.input;
    const before = changes.has(messageId) ? changes.get(messageId) : messageById.get(messageId);
    if (!before) continue;
    if (entry.state === "failed") {
      // While something is on its way, it is not known yet what is left to decide.
      if (!before.hasPendingChange) changes.set(messageId, { ...before, failure: entry.reason });
      continue;
    }
    const after = withEntry(before, entry, userId);
    if (after === before) continue;
    changes.set(messageId, after && (entry.state === "pending" ? toChanging(after) : after));
  }
  return changes;
};

type AboutMessage = OutboxEntry<"chat.edit" | "chat.remove" | "chat.react">;

const isAboutMessage = (entry: OutboxEntry): entry is AboutMessage => "messageId" in entry.input;

const withEntry = (message: Message, entry: AboutMessage, userId: UserId): Message | null => {
  switch (entry.procedure) {
    case "chat.edit":
      return withEdit(message, { by: userId, at: entry.createdAt, text: entry.input.text });
    case "chat.react":
      return withReaction(message, userId, entry.input.emoji);
    case "chat.remove":
      return null;
  }
};
