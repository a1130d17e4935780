import {
  comparePositions,
  EVENT_VERSION,
  type Message,
  type MessageId,
  type Position,
  type RoomEvent,
  type RoomHead,
} from "@edvoyage/protocol";
import type { LogState } from "./log-state.ts";
import type { LogRow, Segment } from "./segment.ts";

/** Messages of a room that were read by HTTP, beside or instead of the copies of its log. */
export interface RoomHistory {
  /** Consecutive messages as the server had them, oldest first. */
  readonly messages: readonly Message[];
  /** The newest event of the room when they were read: everything up to it is here, or in the copies. */
  readonly head: RoomHead;
  /** Where older messages continue; `null` at the beginning of the room. */
  readonly next: Position | null;
  /** Whether messages between the copies and these are missing; the copies are not shown then. */
  readonly isAlone: boolean;
}

/** One read of the newest messages, from the end back to something known or as far as one read goes. */
export type HistoryRead = Pick<RoomHistory, "messages" | "head" | "next">;

/** The most messages that are kept in addition to the copies. */
const MAX_MESSAGES = 400;

/** Adds the newest messages to a history. `end` is the newest event that the device had before. */
export const withNewest = (
  history: RoomHistory | undefined,
  { messages, head, next }: HistoryRead,
  end: Position | undefined,
): RoomHistory => {
  const isJoined = next === null || (end !== undefined && comparePositions(next, end) <= 0);
  if (!isJoined || !history) return { messages, head, next, isAlone: !isJoined };
  const all = merge(history.messages, messages);
  // Too much to keep: begin again with the newest, as if nothing had been known.
  if (all.length > MAX_MESSAGES) return { messages, head, next, isAlone: next !== null };
  return { ...history, messages: all, head };
};

/** Adds older messages before a history. */
export const withOlder = (
  history: RoomHistory,
  { messages, next }: Pick<RoomHistory, "messages" | "next">,
): RoomHistory => ({ ...history, messages: merge(messages, history.messages), next });

/** Returns both lists by position; of a message in both, the newer state. */
const merge = (older: readonly Message[], newer: readonly Message[]): readonly Message[] =>
  Array.from(new Map([...older, ...newer].map((message) => [message.id, message])).values()).sort(
    (one, other) => comparePositions(one.position, other.position),
  );

/** Whether the copies have everything that the history has. */
export const isSuperseded = ({ end }: LogState, { head }: RoomHistory): boolean =>
  end !== undefined && comparePositions(end, head) >= 0;

/**
 * Shows a history as part of a log. Its messages become events, so that all rules for logs hold; what the copies say about
 * these messages is left out, because the history is newer.
 */
export const withHistory = (log: LogState, history: RoomHistory | undefined): LogState => {
  if (!history) return log;
  const { head, next, isAlone } = history;
  const isOld = isSuperseded(log, history);
  const messages = isOld ? olderThan(history.messages, log.segments[0]) : history.messages;
  if (isOld && messages.length === 0) return log;
  const ids = new Set(messages.map(({ id }) => id));
  const rowsBySegment = new Map<number, LogRow[]>();
  const add = (segment: number, rows: readonly LogRow[]): void => {
    rowsBySegment.set(segment, [...(rowsBySegment.get(segment) ?? []), ...rows]);
  };
  const copies = isAlone && !isOld ? [] : log.segments;
  for (const { segment, rows } of copies) {
    add(
      segment,
      rows.filter(({ event }) => !ids.has(messageOf(event))),
    );
  }
  for (const message of messages) add(message.position.segment, messageToRows(message));
  const numbers = [...rowsBySegment.keys()].sort((one, other) => one - other);
  const first = messages[0]?.position;
  const isOldest = first !== undefined && (copies[0] === undefined || first.segment < copies[0].segment);
  return {
    ...log,
    segments: numbers.map((segment) => toSegment(segment, rowsBySegment.get(segment) ?? [], copies, head)),
    end: isOld ? log.end : head,
    hasOlder: isOldest ? next !== null : log.hasOlder,
  };
};

const olderThan = (messages: readonly Message[], first: Segment | undefined): readonly Message[] =>
  messages.filter(({ position }) => first && position.segment < first.segment);

const toSegment = (
  segment: number,
  rows: readonly LogRow[],
  copies: readonly Segment[],
  head: RoomHead,
): Segment => {
  const sorted = [...rows].sort((one, other) => one.index - other.index);
  const copy = copies.find((one) => one.segment === segment);
  const last = segment === head.segment ? head.index : (sorted.at(-1)?.index ?? -1);
  return {
    segment,
    rows: sorted,
    length: Math.max(copy?.length ?? 0, last + 1),
    isSealed: copy?.isSealed ?? false,
    isRogue: false,
  };
};

/** Returns the message that an event is about. */
const messageOf = (event: RoomEvent): MessageId => {
  switch (event[1]) {
    case "edit":
    case "remove":
    case "reaction":
      return event[5];
    default:
      return String(event[2]) as MessageId;
  }
};

const messageToRows = ({
  id,
  position: { index },
  authorId,
  at,
  text,
  replyTo,
  editedAt,
  reactions,
}: Message): readonly LogRow[] => {
  const events: RoomEvent[] = [];
  if (text === null) events.push([EVENT_VERSION, "remove", "", authorId, at, id]);
  else {
    events.push([EVENT_VERSION, "message", id, authorId, at, text, replyTo]);
    if (editedAt !== null) events.push([EVENT_VERSION, "edit", "", authorId, editedAt, id, text]);
    for (const { userId, emoji } of reactions)
      events.push([EVENT_VERSION, "reaction", "", userId, at, id, emoji]);
  }
  return events.map((event) => ({ index, event }));
};
