import type { CommandId } from "@edvoyage/protocol";
import type { EdVoyageError } from "../runtime/errors.ts";
import type { Records } from "../storage/records.ts";
import type { NewCommand, QueuedCommand } from "./outbox.ts";
import type { LogReceipt, OutboxEntry, QueuedProcedure } from "./outbox-entry.ts";

/** What the keys of the outbox begin with. */
export const OUTBOX_PREFIX = "outbox/";

/** What is kept of an entry, under `outbox/<sequence>-<id>`. */
export interface StoredEntry {
  readonly entry: OutboxEntry;
  /** How often the server failed on it. */
  readonly faults: number;
}

/** The same with its key. */
export interface Item extends StoredEntry {
  readonly key: string;
}

/** Keys of what in a store's outbox the server has already. */
export const keysOfAcked = async (records: Records): Promise<readonly string[]> =>
  (await records.listJson<StoredEntry>(OUTBOX_PREFIX)).flatMap(({ key, value }) =>
    value.entry.state === "acked" ? [key] : [],
  );

/** In the order in which they were added. */
export const byKey = (one: Item, other: Item): number => (one.key < other.key ? -1 : 1);

// The compiler does not follow a type parameter through a union by name: what follows says what it cannot see.

/** A command with the name of its procedure. */
export const toQueuedCommand = <P extends QueuedProcedure>(
  procedure: P,
  command: NewCommand<P>,
): QueuedCommand => ({ procedure, ...command }) as unknown as QueuedCommand;

/** A new entry: waiting, or failed from the start. */
export const commandToEntry = (
  { procedure, input, lane, failure }: QueuedCommand,
  { id, now }: { readonly id: CommandId; readonly now: number },
): OutboxEntry => {
  const pending = {
    id,
    procedure,
    input,
    lane,
    createdAt: now,
    state: "pending",
    isSending: false,
  } as OutboxEntry;
  return failure ? toFailed(pending, failure) : pending;
};

/** The entry once the server will not take it. */
export const toFailed = (entry: OutboxEntry, { reason, message, details }: EdVoyageError): OutboxEntry =>
  ({ ...base(entry), state: "failed", reason, message, details }) as OutboxEntry;

/** The entry to be sent again. */
export const toPending = (entry: OutboxEntry): OutboxEntry =>
  ({ ...base(entry), state: "pending", isSending: false }) as OutboxEntry;

/** What made an event of a room's log stays until the copy of the room has it; `undefined` for everything else. */
export const toAcked = (entry: OutboxEntry, answer: unknown): OutboxEntry | undefined =>
  logged.has(entry.procedure) && (answer as Partial<LogReceipt> | undefined)?.position
    ? ({ ...base(entry), state: "acked", answer } as OutboxEntry)
    : undefined;

const logged: ReadonlySet<QueuedProcedure> = new Set(["chat.send", "chat.edit", "chat.remove", "chat.react"]);

const base = ({ id, procedure, input, lane, createdAt }: OutboxEntry) => ({
  id,
  procedure,
  input,
  lane,
  createdAt,
});
