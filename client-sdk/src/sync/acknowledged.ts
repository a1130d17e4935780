import type { RoomId } from "@edvoyage/protocol";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import { eventIdAt } from "./log-position.ts";
import type { Segment } from "./segment.ts";

/** A command whose event is in a room's log on the server. */
export type AckedEntry = Extract<OutboxEntry, { readonly state: "acked" }>;

/** Those of one room. */
export const ackedIn = (entries: readonly OutboxEntry[], roomId: RoomId): readonly AckedEntry[] =>
  entries.flatMap((entry) =>
    entry.state === "acked" && "roomId" in entry.input && entry.input.roomId === roomId ? [entry] : [],
  );

/** Whether a copy has the event of an acknowledged command. */
export type Arrival =
  /** It is later than all that the copy has. */
  | "awaited"
  /** It is there, or was removed since, or is earlier than the copy begins. */
  | "arrived"
  /** At its place is something else: the history that it was part of was undone. */
  | "undone";

/** Compares what the server answered with what it wrote into the log. */
export const arrivalOf = ({ procedure, answer }: AckedEntry, segments: readonly Segment[]): Arrival => {
  const { position, messageId } = answer;
  const newest = segments.at(-1);
  if (!newest || position.segment > newest.segment) return "awaited";
  const copy = segments.find(({ segment }) => segment === position.segment);
  if (copy && position.index >= copy.length) return "awaited";
  const id = eventIdAt(segments, position);
  if (procedure !== "chat.send" || id === undefined || id === messageId) return "arrived";
  // Also when it was sent again, by this device or another one: then it is elsewhere.
  const isElsewhere = segments.some(({ rows }) => rows.some(({ event }) => event[2] === messageId));
  return isElsewhere ? "arrived" : "undone";
};
