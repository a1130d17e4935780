import type { CommandId } from "@edvoyage/protocol";
import type { ServerApi } from "../rpc/server-api.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { QueuedInputs, QueuedProcedure } from "../rpc/queued-inputs.ts";
import type { OpenView } from "../reads/views.ts";

/** The names of a command's inputs that are ids. */
type IdsOf<Input> = { [Name in keyof Input]-?: Input[Name] extends string ? Name : never }[keyof Input] &
  string;

/**
 * The functions from which the features of a client are built. They act for the student who is signed in at the time
 * of the call.
 */
export interface Access {
  readonly open: OpenView;
  /**
   * Stores a command on the device, to be sent when there is a connection, and returns its id. Commands with the same
   * `about` id are sent in order; `lane` overrides what they are ordered with. Throws what the outbox throws, and
   * `signed-out`.
   */
  queue<P extends QueuedProcedure>(
    procedure: P,
    input: QueuedInputs[P],
    options: { readonly about: string; readonly lane?: string },
  ): Promise<CommandId>;
  /**
   * Creates a method that queues a command about something. Its parameters are the id, which is passed on as the
   * input `name`, and the rest of the input.
   */
  act<P extends QueuedProcedure, Name extends IdsOf<QueuedInputs[P]>>(
    procedure: P,
    name: Name,
  ): (
    id: string,
    ...more: object extends Omit<QueuedInputs[P], Name>
      ? [more?: Omit<QueuedInputs[P], Name>]
      : [more: Omit<QueuedInputs[P], Name>]
  ) => Promise<CommandId>;
  /** Returns the commands that wait, and those that failed. */
  readonly entries: () => readonly OutboxEntry[];
  /** Discards a failed command. */
  readonly discard: (id: CommandId) => Promise<void>;
  /** Calls the server as the student, right now. Throws `signed-out` if nobody is signed in, and `EdVoyageError`. */
  readonly call: <Answer>(ask: (rpc: ServerApi) => Promise<Answer>) => Promise<Answer>;
}
