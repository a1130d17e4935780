import type { CommandId, MessageReceipt } from "@edvoyage/protocol";
import type { QueuedInputs, QueuedProcedure } from "../rpc/queued-inputs.ts";
import type { ErrorReason } from "../runtime/errors.ts";

/** Whether a command waits, was answered or was rejected. */
export type EntryState =
  /** Waits for its lane, for the server or for a session. */
  | { readonly state: "pending"; readonly isSending: boolean }
  /** The server rejected it or failed too often. It stays until it is retried or discarded. */
  | {
      readonly state: "failed";
      readonly reason: ErrorReason;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
    }
  /** In the room's log on the server but not yet in the device's copy; shown from the outbox until then. */
  | { readonly state: "acked"; readonly answer: MessageReceipt };

/** A command in the outbox. */
export type OutboxEntry<P extends QueuedProcedure = QueuedProcedure> = {
  readonly [Name in P]: {
    readonly id: CommandId;
    readonly procedure: Name;
    readonly input: QueuedInputs[Name];
    /** Commands of one lane are sent in order; a room is one lane, for example. */
    readonly lane: string;
    /** The device's clock. */
    readonly createdAt: number;
  } & EntryState;
}[P];
