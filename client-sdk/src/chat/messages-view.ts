import { comparePositions, type MessageId, type Position, type UserId } from "@edvoyage/protocol";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { Segment } from "../sync/segment.ts";
import type { Message } from "./api.ts";
import { createLogFold, type LogFold } from "./log-fold.ts";
import { entryToMessage, isSameMessage, withEdit, withReaction } from "./message.ts";

/** What a room's messages are made of. */
export interface MessageSources {
  readonly segments: readonly Segment[];
  /** The newest event among them. */
  readonly end: Position | undefined;
  /** The room's commands in the outbox. */
  readonly entries: readonly OutboxEntry[];
}

/**
 * Makes a room's messages of its log and of what waits in the outbox. It is a function of these two, so that devices
 * agree; it remembers former results only to give the same objects again, the list itself included.
 */
export const createMessagesView = (userId: UserId): ((sources: MessageSources) => readonly Message[]) => {
  const foldLog = createLogFold();
  let former: readonly Message[] = [];
  let formerOwn: ReadonlyMap<MessageId, Message> = new Map();

  return ({ segments, end, entries }) => {
    const fold = foldLog(segments);
    const changes = changesOf(fold, { end, entries, userId });
    const own = new Map<MessageId, Message>();
    /** The same object as last time, or as in the log, if it shows the same. */
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
      // What the outbox showed before may be what the log shows now.
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

/** What the outbox adds to the log, own messages in the order in which they were written; `null` takes one away. */
const changesOf = (
  { messageById, removedIds }: LogFold,
  { end, entries, userId }: Pick<MessageSources, "end" | "entries"> & { readonly userId: UserId },
): ReadonlyMap<MessageId, Message | null> => {
  const changes = new Map<MessageId, Message | null>();
  for (const entry of entries) {
    // The log has it: from here on the log alone counts, which may have gone on.
    if (entry.state === "acked" && end && comparePositions(entry.answer.position, end) <= 0) continue;
    if (entry.procedure === "chat.send") {
      const message = entryToMessage(entry, userId);
      if (!messageById.has(message.id) && !removedIds.has(message.id)) changes.set(message.id, message);
      continue;
    }
    if (entry.state === "failed" || !isAboutMessage(entry)) continue;
    const { messageId } = entry.input;
    const before = changes.has(messageId) ? changes.get(messageId) : messageById.get(messageId);
    if (!before) continue;
    const after = withEntry(before, entry, userId);
    if (after === before) continue;
    const isPending = before.hasPendingChange || entry.state === "pending";
    changes.set(messageId, after && { ...after, hasPendingChange: isPending });
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
