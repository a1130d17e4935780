import type { CommandId, MessageReceipt } from "@edvoyage/protocol";
import type { EdVoyageError } from "../runtime/errors.ts";
import type { Records } from "../storage/records.ts";
import type { QueuedProcedure } from "../rpc/queued-inputs.ts";
import type { NewCommand, QueuedCommand } from "./new-command.ts";
import type { EntryState, OutboxEntry } from "./outbox-entry.ts";

/** The prefix of the outbox's keys. */
export const OUTBOX_PREFIX = "outbox/";

/** The stored form of an entry, under `outbox/<sequence>-<id>`. */
export interface StoredEntry {
  readonly entry: OutboxEntry;
  /** The number of times the server failed on it. */
  readonly faults: number;
}

/** A stored entry with its key. */
export interface Item extends StoredEntry {
  readonly key: string;
}

/** Returns the keys of acknowledged commands in a store's outbox. */
export const keysOfAcked = async (records: Records): Promise<readonly string[]> =>
  (await records.listJson<StoredEntry>(OUTBOX_PREFIX)).flatMap(({ key, value }) =>
    value.entry.state === "acked" ? [key] : [],
  );

// TypeScript does not follow a type parameter through a union by name, so the functions below need casts.

/** Adds the name of its procedure to a command. */
export const toQueuedCommand = <P extends QueuedProcedure>(
  procedure: P,
  command: NewCommand<P>,
): QueuedCommand => ({ procedure, ...command }) as unknown as QueuedCommand;

/** Creates an entry: pending, or failed from the start. */
export const commandToEntry = (
  { procedure, input, lane, failure }: QueuedCommand,
  { id, now }: { readonly id: CommandId; readonly now: number },
): OutboxEntry => {
  const pending = toPending({ id, procedure, input, lane, createdAt: now });
  return failure ? toFailed(pending, failure) : pending;
};

/** Returns the entry after the server has rejected it. */
export const toFailed = (entry: OutboxEntry, { reason, message, details }: EdVoyageError): OutboxEntry =>
  withState(entry, { state: "failed", reason, message, details });

/** Returns the entry while it is being sent. */
export const toSending = (entry: OutboxEntry): OutboxEntry =>
  withState(entry, { state: "pending", isSending: true });

/** Returns the entry so that it is sent again. */
export const toPending = (entry: Command): OutboxEntry =>
  withState(entry, { state: "pending", isSending: false });

/**
 * Returns the entry as acknowledged if it made an event in a room's log; it stays until the device's copy has the event. Returns
 * `undefined` for all other entries.
 */
export const toAcked = (entry: OutboxEntry, answer: unknown): OutboxEntry | undefined =>
  loggedProcedures.has(entry.procedure) && (answer as Partial<MessageReceipt> | undefined)?.position
    ? withState(entry, { state: "acked", answer: answer as MessageReceipt })
    : undefined;

const loggedProcedures: ReadonlySet<QueuedProcedure> = new Set([
  "chat.send",
  "chat.edit",
  "chat.remove",
  "chat.react",
]);

/** A command without its state. */
type Command = Pick<OutboxEntry, "id" | "procedure" | "input" | "lane" | "createdAt">;

const withState = ({ id, procedure, input, lane, createdAt }: Command, state: EntryState): OutboxEntry =>
  ({ id, procedure, input, lane, createdAt, ...state }) as OutboxEntry;
