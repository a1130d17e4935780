import type { CommandId } from "@edvoyage/protocol";
import type { QueuedInputs, QueuedProcedure } from "../rpc/queued-inputs.ts";
import type { EdVoyageError } from "../runtime/errors.ts";

/** A command to store and send. */
export interface NewCommand<P extends QueuedProcedure> {
  readonly input: QueuedInputs[P];
  /** Commands of one lane are sent one after the other, in the order in which they were added. */
  readonly lane: string;
  /**
   * A command that this one makes pointless. It is removed in the same step if it was never sent or is acknowledged already. A
   * command that may be on its way stays.
   */
  readonly replaces?: CommandId | undefined;
  /** Stores the command as failed and does not send it. */
  readonly failure?: EdVoyageError;
  /** Default: a new id. */
  readonly id?: CommandId;
}

/** A command with the name of its procedure. */
export type QueuedCommand = {
  readonly [P in QueuedProcedure]: { readonly procedure: P } & NewCommand<P>;
}[QueuedProcedure];
