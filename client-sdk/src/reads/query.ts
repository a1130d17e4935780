import type { UserId } from "@edvoyage/protocol";
import type { AnswerOf, InputOf, QueryPath } from "../rpc/server-api.ts";
import type { EdVoyageError } from "../runtime/errors.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";

/** A value that was read, with its age and source. */
export type Fresh<Value> = Value & {
  /** When the server answered, on this device's clock; 0 if only this device knows the value. */
  readonly fetchedAt: number;
  readonly source: "device" | "server";
  /** Older than five minutes or changed elsewhere. It is being read again if there is a network. */
  readonly isStale: boolean;
};

/** The current state of a watched read. */
export interface ReadSnapshot<Value> {
  /** The newest known value; `undefined` while there is none. */
  readonly value: Fresh<Value> | undefined;
  /** Whether a request is in progress. */
  readonly isFetching: boolean;
  /** The error of the last request; `undefined` if it succeeded. */
  readonly error: EdVoyageError | undefined;
}

/** Options of a read. */
export interface ReadOptions {
  /** Waits for the server's answer even if the device has a value. Falls back to that value if the request fails. */
  readonly refresh?: boolean;
  /** Sends no request. Throws `offline` if the device has no value. */
  readonly deviceOnly?: boolean;
}

/** A single read; the procedure and the input identify it. */
export interface Query<P extends QueryPath = QueryPath> {
  readonly procedure: P;
  readonly input: InputOf<P>;
  /**
   * Set for lists that are read from the start and can grow: the number of items to read at first. Items have an `id`.
   */
  readonly count?: number;
}

/** A command of the student that is pending or was just answered. */
export interface OwnChange {
  readonly entry: OutboxEntry;
  /** The server's answer; `undefined` while there is none. */
  readonly answer: unknown;
  readonly userId: UserId;
}

/**
 * Computes how a value will look once the server has a command; `undefined` means unknown. If the command changes nothing, it
 * returns the same object with the same items.
 */
export type Projections = {
  readonly [P in QueryPath]?: (
    value: AnswerOf<P> | undefined,
    change: OwnChange,
    input: InputOf<P>,
  ) => AnswerOf<P> | undefined;
};

/** The state of a read before anything is known. */
export const NOTHING_READ: ReadSnapshot<never> = { value: undefined, isFetching: false, error: undefined };
