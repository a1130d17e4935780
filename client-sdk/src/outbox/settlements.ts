import type { CommandId } from "@edvoyage/protocol";
import { EdVoyageError, type ErrorReason } from "../runtime/errors.ts";
import { putJson, remove, type Records } from "../storage/records.ts";
import type { Change } from "../storage/storage.ts";
import type { OutboxEntry } from "./outbox-entry.ts";

/** A command that ended, with its outcome. */
export type Ended = readonly [id: CommandId, outcome: Outcome];

/** How a command ended. */
export type Outcome =
  | { readonly answer: unknown }
  | { readonly failure: Failure }
  /** A later command took its place, and settles for it. */
  | { readonly replacedBy: CommandId };

/** The stored form of an error. */
interface Failure {
  readonly reason: ErrorReason;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Tells how commands ended. The device stores the outcomes of the last commands, so that other tabs learn them, and this app
 * after a restart.
 */
export interface Settlements {
  /** Returns the changes that store an outcome. They belong into the write that removes the command. */
  store(id: CommandId, outcome: Outcome): readonly Change[];
  /** Tells an outcome to everybody who waits for it. */
  announce(id: CommandId, outcome: Outcome): void;
  /** Returns the commands for which somebody waits. */
  awaited(): readonly CommandId[];
  /** Waits for the outcome of a command that is pending. */
  wait(id: CommandId): Promise<unknown>;
  /** Reads an outcome. Resolves with `undefined` if there is none, or if it is too old. */
  read(id: CommandId): Promise<Outcome | undefined>;
  /** Ends all waiting. */
  close(reason: CloseReason): void;
}

/** Why an outbox was closed: the client was closed, or the student left, with or without unsent commands. */
export type CloseReason = "closed" | "signed-out" | "discarded";

/** The prefix of the keys of outcomes. */
export const SETTLED_PREFIX = "settled/";
/** The number of outcomes on the device: about a day of use. Most have some hundred bytes. */
const MAX_STORED = 500;

export const openSettlements = async (records: Records): Promise<Settlements> => {
  /** Ids begin with the time, so the oldest comes first. */
  const keys = new Set(await records.keys(SETTLED_PREFIX));
  const waiting = new Map<CommandId, Waiter[]>();

  const announce = (id: CommandId, outcome: Outcome): void => {
    const waiters = waiting.get(id) ?? [];
    waiting.delete(id);
    if ("replacedBy" in outcome) {
      if (waiters.length === 0) return;
      waiting.set(outcome.replacedBy, [...(waiting.get(outcome.replacedBy) ?? []), ...waiters]);
      return;
    }
    for (const { resolve, reject } of waiters) {
      if ("answer" in outcome) resolve(outcome.answer);
      else reject(toError(outcome.failure));
    }
  };

  return {
    store: (id, outcome) => {
      const key = SETTLED_PREFIX + id;
      keys.add(key);
      const [oldest] = keys;
      const isFull = keys.size > MAX_STORED && oldest !== undefined;
      if (isFull) keys.delete(oldest);
      return [putJson(key, outcome), ...(isFull ? [remove(oldest)] : [])];
    },
    announce,
    awaited: () => [...waiting.keys()],
    wait: (id) =>
      new Promise((resolve, reject) => {
        waiting.set(id, [...(waiting.get(id) ?? []), { resolve, reject }]);
      }),
    read: (id) => records.getJson<Outcome>(SETTLED_PREFIX + id),
    close: (reason) => {
      for (const id of waiting.keys()) announce(id, { failure: { reason, message: CLOSE_MESSAGES[reason] } });
    },
  };
};

interface Waiter {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: EdVoyageError) => void;
}

const CLOSE_MESSAGES: Readonly<Record<CloseReason, string>> = {
  closed: "The client was closed. The change is still on the device.",
  "signed-out": "The student has signed out. The change is still on the device.",
  discarded: "The change was discarded.",
};

/** Returns the outcome of a command that somebody has discarded. */
export const DISCARDED: Outcome = { failure: { reason: "discarded", message: CLOSE_MESSAGES.discarded } };

/** Returns the outcome that an entry already has; `undefined` while it is pending. */
export const outcomeOf = (entry: OutboxEntry): Outcome | undefined => {
  if (entry.state === "acked") return { answer: entry.answer };
  if (entry.state !== "failed") return undefined;
  const { reason, message, details } = entry;
  return { failure: { reason, message, details } };
};

/** Returns how a command ended; nothing while it is pending. */
export const endOf = (entry: OutboxEntry): readonly Ended[] => {
  const outcome = outcomeOf(entry);
  return outcome ? [[entry.id, outcome]] : [];
};

/** Converts a stored error back. */
export const toError = ({ reason, message, details = {} }: Failure): EdVoyageError =>
  new EdVoyageError(reason, message, { details });
