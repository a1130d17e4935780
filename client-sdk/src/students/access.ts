import type { CommandId } from "@edvoyage/protocol";
import type { ServerApi } from "../rpc/server-api.ts";
import type { OutboxEntry, QueuedInputs, QueuedProcedure } from "../outbox/outbox-entry.ts";
import type { OpenView } from "../reads/views.ts";

/** Of what a command is called with, the names of ids. */
type IdsOf<Input> = { [Name in keyof Input]-?: Input[Name] extends string ? Name : never }[keyof Input] &
  string;

/** What the areas of a client are made from: the data of whoever is signed in at the moment of a call. */
export interface Access {
  readonly open: OpenView;
  /**
   * Keeps a command on the device, to be sent when there is a way, and returns its id. What is about the same thing, by its id, is
   * sent in order; `lane` says with what else. Throws what the outbox throws, and `signed-out`.
   */
  queue<P extends QueuedProcedure>(
    procedure: P,
    input: QueuedInputs[P],
    options: { readonly about: string; readonly lane?: string },
  ): Promise<CommandId>;
  /** Makes a method that queues a command about a thing: of its id, by its name in the input, and what else there is to say. */
  act<P extends QueuedProcedure, Name extends IdsOf<QueuedInputs[P]>>(
    procedure: P,
    name: Name,
  ): (
    id: string,
    ...more: object extends Omit<QueuedInputs[P], Name>
      ? [more?: Omit<QueuedInputs[P], Name>]
      : [more: Omit<QueuedInputs[P], Name>]
  ) => Promise<CommandId>;
  /** What waits and what failed. */
  readonly entries: () => readonly OutboxEntry[];
  /** Drops a command that failed. */
  readonly discard: (id: CommandId) => Promise<void>;
  /** Calls as the student, now. Throws `signed-out` without one, and `EdVoyageError`. */
  readonly call: <Answer>(ask: (rpc: ServerApi) => Promise<Answer>) => Promise<Answer>;
}

/** A list with one item changed; the same list when it is not in it, or stays the same object. */
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

/** A list without one item; the same when it is not in it. */
export const withoutItem = <List extends { readonly items: readonly { readonly id: string }[] }>(
  list: List | undefined,
  id: string,
): List | undefined =>
  list?.items.some((item) => item.id === id)
    ? { ...list, items: list.items.filter((item) => item.id !== id) }
    : list;
