import type { CommandId } from "@edvoyage/protocol";
import type { ServerApi } from "../rpc/server-api.ts";
import type { OutboxEntry, QueuedInputs, QueuedProcedure } from "../outbox/outbox-entry.ts";
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

/** Returns a list with one item changed. Returns the same list if the item is not in it or stays the same object. */
export const withItem = <List extends { readonly items: readonly { readonly id: string }[] }>(
  list: List | undefined,
  id: string,
  change: (item: List["items"][number]) => List["items"][number],
): List | undefined => {
  const before = list?.items.find((item) => item.id === id);
  const after = before && change(before);
  return list && after && after !== before
    ? { ...list, items: list.items.map((item) => (item === before ? after : item)) }
    : list;
};

/** Returns a list without one item. Returns the same list if the item is not in it. */
export const withoutItem = <List extends { readonly items: readonly { readonly id: string }[] }>(
  list: List | undefined,
  id: string,
): List | undefined =>
  list?.items.some((item) => item.id === id)
    ? { ...list, items: list.items.filter((item) => item.id !== id) }
    : list;
