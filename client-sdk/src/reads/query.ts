import type { UserId } from "@edvoyage/protocol";
import type { AnswerOf, InputOf, QueryPath } from "../rpc/server-api.ts";
import type { EdVoyageError } from "../runtime/errors.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";

/** What was read, with how fresh it is. */
export type Fresh<Value> = Value & {
  /** When the server said so, by this device's clock; 0 for what only this device knows of. */
  readonly fetchedAt: number;
  readonly source: "device" | "server";
  /** Older than five minutes, or changed elsewhere: it is being asked for again, if there is a network. */
  readonly isStale: boolean;
};

/** A read that goes on. */
export interface ReadSnapshot<Value> {
  /** The newest that is known; `undefined` while nothing is. */
  readonly value: Fresh<Value> | undefined;
  /** Whether the server is being asked. */
  readonly isFetching: boolean;
  /** Why it was not answered the last time. */
  readonly error: EdVoyageError | undefined;
}

/** How to read. */
export interface ReadOptions {
  /** Waits for the server's answer, also when something is known; what is known when there is none. */
  readonly refresh?: boolean;
  /** Asks nobody: `offline` when the device has nothing. */
  readonly deviceOnly?: boolean;
}

/** One thing that can be read; procedure and input are also what it is known by. */
export interface Query<P extends QueryPath = QueryPath> {
  readonly procedure: P;
  readonly input: InputOf<P>;
  /**
   * Of a list that is read from its beginning and grows: how many items are wanted at first. Items have an `id`.
   */
  readonly count?: number;
}

/** A command of a student's own, that waits or has just been answered. */
export interface OwnChange {
  readonly entry: OutboxEntry;
  /** What the server said; `undefined` while it has not. */
  readonly answer: unknown;
  readonly userId: UserId;
}

/**
 * How what is read looks once the server has a command. `undefined` is what is not known. Returns the same object, and the same
 * items in it, where the command changes nothing.
 */
export type Projections = {
  readonly [P in QueryPath]?: (
    value: AnswerOf<P> | undefined,
    change: OwnChange,
    input: InputOf<P>,
  ) => AnswerOf<P> | undefined;
};

/** Before anything is known. */
export const NOTHING_READ: ReadSnapshot<never> = { value: undefined, isFetching: false, error: undefined };
