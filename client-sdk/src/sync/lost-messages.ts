import type { CommandId, MessageId, RoomId, UserId } from "@edvoyage/protocol";
import { EdVoyageError } from "../runtime/errors.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { QueuedCommand } from "../outbox/outbox.ts";
import type { Segment } from "./segment.ts";

/** Own messages of copies that were dropped. Which of them the server has is known when the log was fetched afresh. */
export interface LostMessages {
  readonly candidates: readonly LostMessage[];
}

/** A message that may be lost. */
export interface LostMessage {
  readonly id: MessageId;
  /** As it was edited last. */
  readonly text: string;
  readonly replyTo: MessageId | null;
  /** Where it was. */
  readonly segment: number;
}

/** What a student said in these segments, and what the outbox knows to be acknowledged in the room. */
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

/** Where a log must be fetched from to know what of this it has; `undefined` when nothing asks. */
export const firstSegmentOf = ({ candidates }: LostMessages): number | undefined =>
  candidates.length > 0 ? Math.min(...candidates.map(({ segment }) => segment)) : undefined;

/** Candidates that the log has neither as a message nor as a removed one; before its first segment nobody can tell. */
export const missingMessages = (
  candidates: readonly LostMessage[],
  segments: readonly Segment[],
): readonly LostMessage[] => {
  const known = new Set<string>(
    segments.flatMap(({ rows }) =>
      rows.map(({ event }) => (event[1] === "remove" ? event[5] : String(event[2]))),
    ),
  );
  const first = segments[0]?.segment ?? 0;
  return candidates.filter(({ id, segment }) => segment >= first && !known.has(id));
};

/** Keeps a lost message in the outbox as failed. Sent again it has the same id: it is one message wherever it survived. */
export const lostToCommand = (roomId: RoomId, { id, text, replyTo }: LostMessage): QueuedCommand => ({
  procedure: "chat.send",
  id: messageToCommandId(id),
  replaces: messageToCommandId(id),
  input: { roomId, text, replyTo },
  lane: `room/${roomId}`,
  failure: new EdVoyageError("lost", "The server was put back to before this message."),
});

const messageToCommandId = (id: MessageId): CommandId => id as string as CommandId;
