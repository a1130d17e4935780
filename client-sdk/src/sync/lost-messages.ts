import type { CommandId, MessageId, RoomId, UserId } from "@edvoyage/protocol";
import { EdVoyageError } from "../runtime/errors.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { QueuedCommand } from "../outbox/new-command.ts";
import type { Segment } from "./segment.ts";

/**
 * The student's own messages in copies that were dropped. Once the log is fetched again, it shows which of them the
 * server still has.
 */
export interface LostMessages {
  readonly candidates: readonly LostMessage[];
}

/** A message that may be lost. */
export interface LostMessage {
  readonly id: MessageId;
  /** The text after the last edit. */
  readonly text: string;
  readonly replyTo: MessageId | null;
  /** The segment that the message was in. */
  readonly segment: number;
}

/** Returns the student's messages in these segments, and the room's messages that are acknowledged in the outbox. */
export const ownMessages = (
  segments: readonly Segment[],
  { userId, acked }: { readonly userId: UserId; readonly acked: readonly OutboxEntry[] },
): readonly LostMessage[] => {
  const messageById = new Map<MessageId, LostMessage>();
  for (const entry of acked) {
    if (entry.procedure !== "chat.send" || entry.state !== "acked") continue;
    const { text, replyTo } = entry.input;
    const { messageId: id, position } = entry.answer;
    messageById.set(id, { id, text, replyTo, segment: position.segment });
  }
  for (const { segment, rows } of segments) {
    for (const { event } of rows) {
      if (event[1] === "message" && event[3] === userId) {
        messageById.set(event[2], { id: event[2], text: event[5], replyTo: event[6], segment });
      }
      const edited = event[1] === "edit" && event[3] === userId ? messageById.get(event[5]) : undefined;
      if (edited && event[1] === "edit") messageById.set(edited.id, { ...edited, text: event[6] });
    }
  }
  return [...messageById.values()];
};

/** Returns the first segment to fetch in order to check all candidates; `undefined` if there are none. */
export const firstSegmentOf = ({ candidates }: LostMessages): number | undefined =>
  candidates.length > 0 ? Math.min(...candidates.map(({ segment }) => segment)) : undefined;

/**
 * Returns the candidates that the log has neither as a message nor as a removed one. Candidates older than its first
 * segment are left out, because nobody can tell.
 */
export const missingMessages = (
  candidates: readonly LostMessage[],
  segments: readonly Segment[],
): readonly LostMessage[] => {
  const loggedIds = new Set<string>(
    segments.flatMap(({ rows }) =>
      rows.map(({ event }) => (event[1] === "remove" ? event[5] : String(event[2]))),
    ),
  );
  const first = segments[0]?.segment ?? 0;
  return candidates.filter(({ id, segment }) => segment >= first && !loggedIds.has(id));
};

/**
 * Converts a lost message to a failed command for the outbox. A retry uses the same id, so it stays one message
 * wherever it survived.
 */
export const lostToCommand = (roomId: RoomId, { id, text, replyTo }: LostMessage): QueuedCommand => ({
  procedure: "chat.send",
  id: messageToCommandId(id),
  replaces: messageToCommandId(id),
  input: { roomId, text, replyTo },
  lane: `room/${roomId}`,
  failure: new EdVoyageError("lost", "The server was put back to before this message."),
});

const messageToCommandId = (id: MessageId): CommandId => id as string as CommandId;
