import type { CommandId, MessageReceipt } from "@edvoyage/protocol";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import { eventIdAt } from "./log-position.ts";
import type { Segment } from "./segment.ts";

/** A command whose event is in a room's log on the server. */
export type AckedEntry = Extract<OutboxEntry, { readonly state: "acked" }>;

/** Returns the acknowledged ones of a room's commands. */
export const ackedIn = (entries: readonly OutboxEntry[]): readonly AckedEntry[] =>
  entries.flatMap((entry) => (entry.state === "acked" ? [entry] : []));

/** Returns the failed messages that the log has after all: only their answers got lost, with the receipts. */
export const reachedIn = (
  entries: readonly OutboxEntry[],
  segments: readonly Segment[],
): readonly { readonly id: CommandId; readonly receipt: MessageReceipt }[] => {
  const failed = entries.filter(({ procedure, state }) => procedure === "chat.send" && state === "failed");
  if (failed.length === 0) return [];
  return segments.flatMap(({ segment, rows }) =>
    rows.flatMap(({ index, event }) => {
      if (event[1] !== "message") return [];
      const [, , messageId, , at] = event;
      const entry = failed.find(({ id }) => String(id) === String(messageId));
      return entry ? [{ id: entry.id, receipt: { messageId, position: { segment, index }, at } }] : [];
    }),
  );
};

/** Tells whether a copy has the event of an acknowledged command. */
export type Arrival =
  /** The event is later than everything in the copy. */
  | "awaited"
  /** The copy has the event, or the event was removed since, or it is older than the start of the copy. */
  | "arrived"
  /** Something else is at its position: the server lost the history that the event was part of. */
  | "undone";

/** Compares the position in the server's answer with the copies of the log. */
export const arrivalOf = ({ procedure, answer }: AckedEntry, segments: readonly Segment[]): Arrival => {
  const { position, messageId } = answer;
  const newest = segments.at(-1);
  if (!newest || position.segment > newest.segment) return "awaited";
  const copy = segments.find(({ segment }) => segment === position.segment);
  if (copy && position.index >= copy.length) return "awaited";
  const id = eventIdAt(segments, position);
  if (procedure !== "chat.send" || id === undefined || id === messageId) return "arrived";
  // The message was sent again, by this device or another one, if it is at another position.
  const isElsewhere = segments.some(({ rows }) => rows.some(({ event }) => event[2] === messageId));
  return isElsewhere ? "arrived" : "undone";
};
